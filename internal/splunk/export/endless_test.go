package export

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
)

// endless is a stream without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, strings.Repeat("a", len(p))), nil }

// TestEndless: a row without an end ends the search, not the memory; any number
// of rows that end does not.
func TestEndless(t *testing.T) {
	const most = 10_000
	row := `{"result":{"_raw":"` + strings.Repeat("a", most/2) + `"}}` + "\n"
	for _, c := range []struct {
		stream io.Reader
		rows   int
		err    string
	}{
		{strings.NewReader(strings.Repeat(row, 100) + `{"lastrow":true}`), 100, "<nil>"},
		{io.MultiReader(strings.NewReader(row+`{"result":{"_raw":"`), endless{}), 1, "reading results: a row that does not end"},
	} {
		rows := 0
		err := read(c.stream, most, func(Row) error { rows++; return nil })
		if fmt.Sprint(err) != c.err || rows != c.rows {
			t.Errorf("%d rows, %v", rows, err)
		}
	}
}

// TestHostileRows: a row of as many bytes as a row may have, all of them values,
// names, or messages, is refused before it takes much memory.
func TestHostileRows(t *testing.T) {
	many := func(text string) string { return strings.Repeat(text+",", (maxRow-100)/(len(text)+1)-1) + text }
	var names strings.Builder
	for i := 0; names.Len() < maxRow-100; i++ {
		fmt.Fprintf(&names, `"%x":"",`, i)
	}
	for name, row := range map[string]string{
		"values":        `{"result":{"_raw":[` + many(`""`) + `]}}`,
		"names":         `{"result":{` + strings.TrimSuffix(names.String(), ",") + `}}`,
		"messages":      `{"messages":[` + many(`{"Text":"x"}`) + `]}`,
		"deep":          `{"result":{"a":[["x"]]}}`,
		"an object":     `{"result":{"a":{"b":"c"}}}`,
		"a number":      `{"result":{"a":1}}`,
		"a list of one": `{"result":["a"]}`,
	} {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := read(strings.NewReader(row), maxRow, func(Row) error { return nil })
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		if took := (after.HeapSys - before.HeapSys) >> 20; after.HeapSys > before.HeapSys && took > 120 {
			t.Errorf("%s: %d MB more of memory", name, took)
		}
	}
	var got Row
	row := `{"result":{"":"x","a":null,"b":["",null,"y"],"c":""},"messages":[{"Type":"INFO"},{}]}{"lastrow":true}`
	if err := read(strings.NewReader(row), maxRow, func(r Row) error { got = r; return nil }); err != nil {
		t.Error(err)
	}
	if want := fmt.Sprint(Row{"": {"x"}, "a": nil, "b": {"", "y"}, "c": {""}}); fmt.Sprint(got) != want {
		t.Errorf("%v, want %v", got, want)
	}
}
