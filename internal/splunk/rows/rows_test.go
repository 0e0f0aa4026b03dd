package rows_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeanon/kubeanon/internal/splunk/rows"
	"github.com/kubeanon/kubeanon/internal/splunk/splunkd"
)

// table reads a body into maps, as the player of splunkd keeps rows.
func table(t testing.TB, size int, body io.Reader) (all []splunkd.Row, problems rows.Problems) {
	t.Helper()
	r := rows.NewReader(size)
	r.Reset(body)
	h, err := r.Header()
	if err != nil {
		t.Fatal(err)
	}
	for {
		row, err := r.Next()
		if err == io.EOF {
			return all, r.Problems()
		}
		if err != nil {
			t.Fatal(err)
		}
		m := splunkd.Row{}
		for i, name := range h.Names() {
			if values := row.Values(i); values != nil {
				m[name] = values
			}
		}
		all = append(all, m)
	}
}

func TestReader(t *testing.T) {
	f := func(body string, want ...splunkd.Row) {
		t.Helper()
		for _, size := range []int{1, 2, 3, 7, 0} {
			got, _ := table(t, size, strings.NewReader(body))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q, blocks of %d (-want +got)\n%s", body, size, diff)
			}
		}
	}
	one := func(kv ...string) splunkd.Row {
		m := splunkd.Row{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = []string{kv[i+1]}
		}
		return m
	}
	f("")
	f("a,b\n")
	f("a,b\n1,2\n", one("a", "1", "b", "2"))
	f("a,b\n1,2", one("a", "1", "b", "2"))
	f("a,b\r\n1,2\r\n", one("a", "1", "b", "2"))
	f("a,b\n,\n1,\n", one(), one("a", "1"))
	f("\"_time\",a\n\"x\ny\",\"p\"\"q\"\"\"\n", one("_time", "x\ny", "a", `p"q"`))
	f("a\n\"x\r\ny\"\n", one("a", "x\r\ny"))
	f("a,b\n\",\n\",\"\"\n", one("a", ",\n"))
	f("a,__mv_a\n\"x\ny\",\"$x$;$y$\"\n1,\n", splunkd.Row{"a": {"x", "y"}}, one("a", "1"))
	f("a,__mv_a\nz,\"$$$$;$$;$a;b$\"\n", splunkd.Row{"a": {"$", "", "a;b"}})
	f("a,__mv_a\nz,\"$a$$\"\n", one("a", "z")) // no twin cell: the main one stands
	f("__mv_b,a\nx,y\n", one("a", "y"))
	f("a\nü\n", one("a", "ü"))
}

func TestProblems(t *testing.T) {
	got, problems := table(t, 0, strings.NewReader("a,b,a,\n1\n1,2,3,4,5\n1,2,3,4\n"))
	want := []splunkd.Row{{"a": {"1"}}, {"a": {"1"}, "b": {"2"}}, {"a": {"1"}, "b": {"2"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if want := (rows.Problems{Short: 1, Long: 1, DuplicateColumns: 1}); problems != want {
		t.Errorf("got %+v, want %+v", problems, want)
	}
}

// TestLastQuoted finds the cell of the field that was asked for last without
// splitting the row, and says so where it cannot.
func TestLastQuoted(t *testing.T) {
	for name, tc := range map[string]struct {
		body         string
		column       int
		before, cell string
		ok           bool
	}{
		"last":               {"a,b,c\n\"x,y\",,\"z\"\"\"\n", 2, `"x,y",,`, `z""`, true},
		"before the index":   {"a,_raw,_chunked_idx\n1,\"z,\n\",7\n", 1, "1,", "z,\n", true},
		"only":               {"_raw\n\"z\"\n", 0, "", "z", true},
		"another follows":    {"_raw,host\n\"z\",\"h\"\n", 0, "", "", false},
		"index and another":  {"_raw,_chunked_idx,host\n\"z\",7,\"h\"\n", 0, "", "", false},
		"not quoted":         {"a,_raw\n1,z\n", 1, "", "", false},
		"empty":              {"a,_raw,_chunked_idx\n1,,7\n", 1, "", "", false},
		"one quote":          {"a,_raw\n1,\"", 1, "", "", false},
		"quoted in the rest": {"a,_raw\n1,z\"y\"\n", 1, "", "", false},
		"a short row":        {"a,b,_raw\nshort\n", 2, "", "", false},
	} {
		r := rows.NewReader(0)
		r.Reset(strings.NewReader(tc.body))
		row, err := r.Next()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		before, cell, ok := row.LastQuoted(tc.column)
		if string(before) != tc.before || string(cell) != tc.cell || ok != tc.ok {
			t.Errorf("%s: got %q, %q, %t; want %q, %q, %t", name, before, cell, ok, tc.before, tc.cell, tc.ok)
		}
	}
}

// TestLongRow reads a row that is far larger than the buffer, and then goes on.
func TestLongRow(t *testing.T) {
	long := strings.Repeat("x\n", 3<<20)
	got, _ := table(t, 0, strings.NewReader("a\n\""+long+"\"\n1\n"))
	if len(got) != 2 || got[0]["a"][0] != long || got[1]["a"][0] != "1" {
		t.Errorf("got %d rows", len(got))
	}
}

// TestReadError passes on what the body says.
func TestReadError(t *testing.T) {
	r := rows.NewReader(0)
	r.Reset(io.MultiReader(strings.NewReader("a\n1\n2"), iotest.ErrReader(io.ErrUnexpectedEOF)))
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := r.Next(); err != io.ErrUnexpectedEOF {
			t.Fatalf("got %v", err)
		}
	}
	r.Reset(iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := r.Header(); err != io.ErrUnexpectedEOF {
		t.Fatalf("got %v", err)
	}
}

// TestAllocs: a row that nobody splits costs no allocation.
func TestAllocs(t *testing.T) {
	body := []byte("a,b\n" + strings.Repeat("\"x\"\"y\",\"z\nz\"\n", 1000))
	r, in := rows.NewReader(0), bytes.NewReader(nil)
	n := testing.AllocsPerRun(10, func() {
		in.Reset(body)
		r.Reset(in)
		for {
			if _, err := r.Next(); err == io.EOF {
				return
			}
		}
	})
	if n > 20 { // those of the header
		t.Errorf("%v allocations for 1000 rows", n)
	}
}

// body is what was written, in one piece.
func body(w *rows.Writer) string { return string(bytes.Join(w.Body(), nil)) }

// TestPieces: a large body comes in pieces of whole rows, which together are what
// a small one would be; and what stays for the next body is bounded.
func TestPieces(t *testing.T) {
	var w rows.Writer
	for round, n := range []int{10, 3000, 10, 40_000} {
		w.Reset([]rows.Column{{Name: "n"}, {Name: "text"}})
		var all strings.Builder
		all.WriteString("n,text\n")
		text := strings.Repeat("x,", 500)
		for i := range n {
			w.Text(strconv.Itoa(i))
			w.Text(text)
			w.EndRow()
			fmt.Fprintf(&all, "%d,\"%s\"\n", i, text)
		}
		pieces := w.Body()
		if got := string(bytes.Join(pieces, nil)); got != all.String() {
			t.Errorf("round %d: %d bytes, want %d", round, len(got), all.Len())
		}
		if n >= 3000 && len(pieces) < 3 {
			t.Errorf("round %d: %d pieces of %d bytes", round, len(pieces), all.Len())
		}
		for i, piece := range pieces {
			if len(piece) > 0 && piece[len(piece)-1] != '\n' {
				t.Errorf("round %d: piece %d ends in a row", round, i)
			}
		}
	}
	n := testing.AllocsPerRun(5, func() {
		w.Reset([]rows.Column{{Name: "n"}})
		for range 4_000 {
			w.Text("3,2")
			w.EndRow()
		}
	})
	if n > 10 {
		t.Errorf("%v allocations for a body of the blocks that are there", n)
	}
}

func TestWriter(t *testing.T) {
	var w rows.Writer
	w.Reset([]rows.Column{{Name: "a"}, {Name: "user.groups{}", Multi: true}, {Name: "c"}})
	if pieces := w.Body(); len(pieces) != 0 {
		t.Errorf("no rows: %q", pieces)
	}
	w.Text("plain")
	w.Values([]string{"x", "$", "a$b;"})
	w.Raw([]byte(`"as ""it"" is"`), nil)
	w.EndRow()
	w.Text("\x00\xff,\n")
	w.EndRow()
	w.Bytes([]byte(`"`))
	w.Values([]string{"one"})
	w.Raw([]byte(`"broken`), nil)
	w.EndRow()
	want := "a,\"user.groups{}\",c,\"__mv_user.groups{}\"\n" +
		"plain,\"x\n$\na$b;\",\"as \"\"it\"\" is\",\"$x$;$$$$;$a$$b;$\"\n" +
		"\"\uFFFD\uFFFD,\n\",,,\n" +
		"\"\"\"\",one,\"\"\"broken\",\n"
	if diff := cmp.Diff(want, body(&w)); diff != "" {
		t.Error(diff)
	}
	if w.Rows() != 3 {
		t.Errorf("%d rows", w.Rows())
	}
}

// TestRaw: whatever a cell holds, its neighbours are what was written. These are
// all cells of up to seven bytes that matter.
func TestRaw(t *testing.T) {
	columns := []rows.Column{{Name: "before"}, {Name: "raw"}, {Name: "after"}}
	header := []string{"before", "raw", "after"}
	cells := []string{""}
	for from := 0; len(cells[len(cells)-1]) < 7; {
		to := len(cells)
		for _, cell := range cells[from:to] {
			for _, c := range []string{`"`, ",", "\n", "x"} {
				cells = append(cells, cell+c)
			}
		}
		from = to
	}
	var w rows.Writer
	w.Reset(columns)
	for _, cell := range cells {
		w.Text("1")
		w.Raw([]byte(cell), nil)
		w.Text("2")
		w.EndRow()
	}
	r := csv.NewReader(bytes.NewReader(bytes.Join(w.Body(), nil)))
	got, err := r.ReadAll()
	if err != nil || len(got) != len(cells)+1 || !slices.Equal(got[0], header) {
		t.Fatalf("%d rows of %d: %v", len(got), len(cells)+1, err)
	}
	for i, cell := range cells {
		if row := got[i+1]; len(row) != 3 || row[0] != "1" || row[2] != "2" {
			t.Errorf("%q: %q", cell, row)
		}
	}
}

// FuzzReader holds the reader against encoding/csv wherever both speak the
// same dialect: no CR, and quotes only around whole cells, doubled inside.
func FuzzReader(f *testing.F) {
	f.Add([]byte("a,b\n\"x\"\"y\",1\n"), uint8(3))
	f.Add([]byte("a\n\"\n\"\n"), uint8(0))
	f.Fuzz(func(t *testing.T, body []byte, size uint8) {
		std := csv.NewReader(bytes.NewReader(body))
		want, err := std.ReadAll()
		got, _ := table(t, int(size), bytes.NewReader(body)) // never panics
		if err != nil || len(want) == 0 || bytes.ContainsRune(body, '\r') || bytes.Contains(body, []byte("__mv_")) || emptyLine(body) {
			return
		}
		seen := map[string]bool{}
		for _, name := range want[0] {
			if name == "" || seen[name] {
				return
			}
			seen[name] = true
		}
		if len(got) != len(want)-1 {
			t.Fatalf("got %d rows, want %d", len(got), len(want)-1)
		}
		for i, cells := range want[1:] {
			for j, name := range want[0] {
				var value string
				if v := got[i][name]; v != nil {
					value = v[0]
				}
				if value != cells[j] {
					t.Fatalf("row %d, %q: got %q, want %q", i, name, value, cells[j])
				}
			}
		}
	})
}

// emptyLine reports whether encoding/csv would skip a line that is a row.
func emptyLine(body []byte) bool {
	return bytes.HasPrefix(body, []byte("\n")) || bytes.Contains(body, []byte("\n\n"))
}

// FuzzRoundTrip writes any values and reads them back.
func FuzzRoundTrip(f *testing.F) {
	f.Add("a", "x\ny", "$", "")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		for _, s := range []string{a, b, c, d} {
			if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
				return // is replaced; TestWriter shows how
			}
		}
		var w rows.Writer
		w.Reset([]rows.Column{{Name: "one"}, {Name: "many", Multi: true}, {Name: "raw", Multi: true}})
		w.Text(a)
		w.Values([]string{b, c, d})
		w.Raw(nil, nil)
		w.EndRow()
		got, _ := table(t, 5, strings.NewReader(body(&w)))
		want := splunkd.Row{"many": {b, c, d}}
		if a != "" {
			want["one"] = []string{a}
		}
		if diff := cmp.Diff([]splunkd.Row{want}, got); diff != "" {
			t.Fatal(diff)
		}
		// And what was read can be passed on as it stands.
		r := rows.NewReader(0)
		r.Reset(strings.NewReader(body(&w)))
		row, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		var again rows.Writer
		again.Reset([]rows.Column{{Name: "one"}, {Name: "many", Multi: true}, {Name: "raw", Multi: true}})
		for i := range 3 {
			again.Raw(row.Cell(i), row.MVCell(i))
		}
		again.EndRow()
		if diff := cmp.Diff(body(&w), body(&again)); diff != "" {
			t.Fatal(diff)
		}
	})
}

// body is 2,000 rows of 2 KB with JSON in a cell.
func benchBody() []byte {
	cell := `"{` + strings.Repeat(`""key"":""some value of a field"",`, 60) + `""a"":1}"`
	var b strings.Builder
	b.WriteString("\"_raw\",\"_chunked_idx\"\n")
	for i := range 2000 {
		fmt.Fprintf(&b, "%s,%d\n", cell, i)
	}
	return []byte(b.String())
}

func BenchmarkReader(b *testing.B) {
	body := benchBody()
	b.Run("rows", func(b *testing.B) {
		r, in := rows.NewReader(0), bytes.NewReader(nil)
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			in.Reset(body)
			r.Reset(in)
			for {
				if _, err := r.Next(); err == io.EOF {
					break
				}
			}
		}
	})
	b.Run("encoding/csv", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			r := csv.NewReader(bytes.NewReader(body))
			r.ReuseRecord = true
			for {
				if _, err := r.Read(); err == io.EOF {
					break
				}
			}
		}
	})
}

func BenchmarkWriter(b *testing.B) {
	value := []byte(strings.Repeat(`{"key":"value"},`, 100))
	var w rows.Writer
	b.SetBytes(int64(len(value)) * 1000)
	b.ReportAllocs()
	for b.Loop() {
		w.Reset([]rows.Column{{Name: "_raw"}, {Name: "groups", Multi: true}})
		for range 1000 {
			w.Bytes(value)
			w.Values([]string{"a", "b"})
			w.EndRow()
		}
	}
}
