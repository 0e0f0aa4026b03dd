package scan_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/scan"
	"github.com/kubeanon/kubeanon/internal/testing/corpus"
)

const (
	event = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"%","user":{"username":"USER"}}`
	user  = "system:anonymous"
)

// line is an event with an audit ID by which a test knows it again.
func line(id, name string) string {
	return strings.NewReplacer("%", id, "USER", name).Replace(event) + "\n"
}

// sink hands each finding to a function.
type sink func(*detect.Finding)

func (sink) Drops(*detect.Finding) bool { return false }
func (s sink) Add(f *detect.Finding)    { s(f) }

type result struct {
	ids   []string
	at    []string // where they stand
	first map[detect.Reason]detect.Place
	stats scan.Stats
	warns []string
	err   error
}

func run(t testing.TB, stdin string, paths ...string) (r result) {
	t.Helper()
	return runJobs(t, 0, stdin, paths...)
}

func runJobs(t testing.TB, jobs int, stdin string, paths ...string) (r result) {
	t.Helper()
	s := scan.New(scan.Config{
		Jobs:   jobs,
		Policy: judge.DefaultPolicy(),
		Stdin:  strings.NewReader(stdin),
		Sink: sink(func(f *detect.Finding) {
			r.ids = append(r.ids, f.Event.AuditID)
			r.at = append(r.at, f.Place.String())
		}),
		Warn: func(format string, args ...any) { r.warns = append(r.warns, fmt.Sprintf(format, args...)) },
	})
	seen, err := s.Run(context.Background(), paths)
	r.err, r.stats, r.first = err, seen.Stats, seen.First
	r.stats.Seconds = 0
	return r
}

func write(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func pack(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	w.Close()
	return b.Bytes()
}

func TestLines(t *testing.T) {
	long := line("long", user)
	long = strings.Replace(long, `"user"`, `"userAgent":"`+strings.Repeat("x", 3<<20)+`","user"`, 1)
	text := line("a", user) + "\n\r\n" + strings.TrimSuffix(line("b", user), "\n") + "\r\n" + line("c", "alice") + long + "klog text\n" + line("d", user)[:60] + "\n" + strings.TrimSuffix(line("e", user), "\n")
	r := run(t, text, "-")
	if diff := cmp.Diff([]string{"a", "b", "long", "e"}, r.ids); diff != "" || r.err != nil {
		t.Errorf("%v\n%s", r.err, diff)
	}
	want := scan.Stats{Files: 1, Bytes: int64(len(text)), Lines: 7, Events: 5, Hits: 4, Undecidable: 1}
	if diff := cmp.Diff(want, r.stats); diff != "" {
		t.Error(diff)
	}
}

// TestHugeLine: of a line over the limit the beginning is judged.
func TestHugeLine(t *testing.T) {
	huge := strings.TrimSuffix(line("huge", user), "}\n") + `,"requestObject":"` + strings.Repeat("x", 65<<20)
	r := run(t, huge+`"}`+"\n"+line("next", user), "-")
	if diff := cmp.Diff([]string{"huge", "next"}, r.ids); diff != "" {
		t.Error(diff)
	}
}

func TestPaths(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "logs/a.log", []byte(line("a", user)))
	write(t, dir, "logs/deep/b.json.gz", pack(line("b", user)+line("b2", user)))
	write(t, dir, "logs/c-without-suffix", append(pack(line("c", user)), pack(line("c2", user))...)) // two members, as rotation tools append
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "logs/e.zst", z.EncodeAll([]byte(line("z", user)+line("z2", user)), nil))
	outside := write(t, t.TempDir(), "outside", []byte(line("linked", user)))
	if err := os.Symlink(outside, filepath.Join(dir, "logs/d-link")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, "logs/.hidden", []byte(line("hidden", user)))
	write(t, dir, "logs/.git/x", []byte(line("hidden", user)))
	r := run(t, line("in", user), filepath.Join(dir, "logs"), "-", filepath.Join(dir, "logs/a.log"))
	if diff := cmp.Diff([]string{"a", "c", "c2", "linked", "b", "b2", "z", "z2", "in", "a"}, r.ids); diff != "" || r.err != nil {
		t.Errorf("%v\n%s", r.err, diff)
	}
	if r.stats.Files != 7 {
		t.Errorf("%d files", r.stats.Files)
	}
	if n := scan.Size([]string{dir, "-", "/nowhere"}); n == 0 {
		t.Error("no size")
	}
}

// TestUnreadable: what cannot be read is an error that names it, and the rest
// is scanned all the same.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	good := write(t, dir, "good", []byte(line("good", user)))
	packed := pack(strings.Repeat(line("x", "alice"), 1000))
	for name, tc := range map[string]struct{ path, want string }{
		"missing":  {filepath.Join(dir, "missing"), "no such file"},
		"pointer":  {write(t, dir, "lfs", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")), "a Git LFS pointer"},
		"cut gzip": {write(t, dir, "cut.gz", packed[:len(packed)/2]), "unexpected EOF"},
		"bad zstd": {write(t, dir, "bad.zst", []byte("\x28\xb5\x2f\xfdgarbage that is long enough for a frame")), "bad.zst"},
		"bad gzip": {write(t, dir, "bad.gz", []byte("\x1f\x8bgarbage that is long enough for a header")), "gzip"},
		"empty":    {t.TempDir(), "holds no files"},
		"bad link": {link(t, dir), "no such file"},
	} {
		r := run(t, "", tc.path, good)
		if r.err == nil || !strings.Contains(r.err.Error(), tc.want) || !strings.Contains(r.err.Error(), tc.path) || len(r.ids) != 1 {
			t.Errorf("%s: %v, %v", name, r.err, r.ids)
		}
	}
}

func TestNoAuditLog(t *testing.T) {
	r := run(t, "", write(t, t.TempDir(), "syslog", []byte("one\ntwo\n{\"a\":1}\n")))
	if r.err != nil || len(r.warns) != 1 || !strings.Contains(r.warns[0], "no audit events") {
		t.Errorf("%v, %v", r.err, r.warns)
	}
}

func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	var ids []string
	s := scan.New(scan.Config{
		Policy: judge.DefaultPolicy(),
		Stdin:  strings.NewReader(strings.Repeat(line("a", user), 100)),
		Sink: sink(func(f *detect.Finding) {
			if ids = append(ids, f.Event.AuditID); len(ids) == 3 {
				cancel()
			}
		}),
	})
	if _, err := s.Run(ctx, []string{"-"}); err == nil || len(ids) != 3 {
		t.Errorf("%v after %d", err, len(ids))
	}
}

// TestRealEvents: a scan finds what the search command finds.
func TestRealEvents(t *testing.T) {
	r := run(t, "", filepath.Join(corpus.Dir(), "audit", "kube-apiserver-1.36.ndjson.gz"))
	if r.err != nil || r.stats.Hits != 750 || r.stats.Events != 3161 || r.stats.Lines != 3161 || r.stats.Undecidable != 0 {
		t.Errorf("%v, %+v", r.err, r.stats)
	}
}

func BenchmarkScan(b *testing.B) {
	var text strings.Builder
	for _, e := range corpus.Events(b) {
		text.WriteString(e.Raw + "\n")
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if r := run(b, text.String(), "-"); r.stats.Hits != 750 {
			b.Fatalf("%+v", r.stats)
		}
	}
}

// TestIndented: JSON that somebody laid out over lines is one record, in a
// list each element is, and a cut line does not swallow what follows.
func TestIndented(t *testing.T) {
	layout := func(prefix, text string) string {
		var b bytes.Buffer
		if err := json.Indent(&b, []byte(text), prefix, "  "); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	one, two := layout("", line("one", user)), layout("", line("two", user))
	cut := strings.TrimSuffix(line("cut", user), "\n")
	for name, tc := range map[string]struct {
		text        string
		ids         string
		undecidable int64
	}{
		"two objects":   {one + "\n" + two + "\n", "one two", 0},
		"a list":        {"[\n" + one + ",\n" + two + "\n]\n", "one two", 0},
		"indented list": {layout("", "["+line("a", user)+","+line("b", "alice")+","+line("c", user)+"]"), "a c", 0},
		"a wrapper":     {layout("", `{"events":[{"message":`+strconv.Quote(line("m", user))+`}],"searchedLogStreams":[]}`), "m", 0},
		"a cut line":    {cut[:60] + "\n" + line("next", user), "next", 1},
		"cut at {":      {cut[:strings.LastIndexByte(cut, '{')+1] + "\n" + line("next", user), "next", 1},
		"cut layout":    {one[:len(one)-60] + "\n" + line("next", user), "next", 1},
		"tabs":          {strings.ReplaceAll(one, "  ", "\t") + "\r\n" + line("next", user), "one next", 0},
	} {
		r := run(t, tc.text, "-")
		if got := strings.Join(r.ids, " "); got != tc.ids || r.stats.Undecidable != tc.undecidable || r.err != nil {
			t.Errorf("%s: %s, %d undecidable, %v; want %s, %d\n%s", name, got, r.stats.Undecidable, r.err, tc.ids, tc.undecidable, tc.text)
		}
	}
}

// link is a folder with a link that leads nowhere.
func link(t *testing.T, dir string) string {
	t.Helper()
	folder := filepath.Join(dir, "links")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "nowhere"), filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestJobs: any number of workers gives the same findings in the same order,
// over files of every size.
func TestJobs(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i := range 20 {
		var text strings.Builder
		for j := range i * i {
			id := fmt.Sprintf("%02d-%04d", i, j)
			text.WriteString(strings.Replace(line(id, user), `"user"`, `"userAgent":"`+strings.Repeat("x", j*7)+`","user"`, 1))
			text.WriteString(line("no", "alice"))
			want = append(want, id)
		}
		write(t, dir, fmt.Sprintf("%02d.log", i), []byte(text.String()))
	}
	for _, jobs := range []int{1, 2, 8} {
		r := runJobs(t, jobs, "", dir)
		if diff := cmp.Diff(want, r.ids); diff != "" || r.err != nil {
			t.Errorf("%d jobs: %v\n%s", jobs, r.err, diff)
		}
		if r.stats.Lines != int64(2*len(want)) || r.stats.Files != 20 {
			t.Errorf("%d jobs: %+v", jobs, r.stats)
		}
	}
}

// TestSlowWriter: what a slow writer has written is judged before it ends.
func TestSlowWriter(t *testing.T) {
	in, out := io.Pipe()
	found := make(chan string)
	s := scan.New(scan.Config{
		Policy: judge.DefaultPolicy(),
		Stdin:  in,
		Sink:   sink(func(f *detect.Finding) { found <- f.Event.AuditID }),
	})
	ended := make(chan error)
	go func() {
		_, err := s.Run(context.Background(), []string{"-"})
		ended <- err
	}()
	for _, id := range []string{"a", "b", "c"} {
		if _, err := io.WriteString(out, line(id, user)); err != nil {
			t.Fatal(err)
		}
		if got := <-found; got != id {
			t.Errorf("got %s, want %s", got, id)
		}
	}
	out.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A finding says in which line it stands, and so does the first text that cannot be
// judged: over blocks, empty lines, JSON over several lines, lines that are too
// long, and of the unpacked text.
func TestPlace(t *testing.T) {
	dir := t.TempDir()
	var text strings.Builder
	var want []string
	lines := 0
	put := func(s string) {
		text.WriteString(s)
		lines += strings.Count(s, "\n")
	}
	path := filepath.Join(dir, "a.gz")
	for i := range 4 {
		put("\n" + strings.Repeat(line("x", "alice"), 20_000)) // more than a block
		want = append(want, fmt.Sprintf("%s:%d", path, lines+1))
		put(line("hit", user))
		put("{\n \"kind\": \"Event\", \"apiVersion\": \"audit.k8s.io/v1\",\n \"user\": {\"username\": \"bob\"}\n}\n")
		if i == 2 {
			put(user + " is here\n")
		}
	}
	write(t, dir, "a.gz", pack(text.String()))
	write(t, dir, "b", []byte(line("hit", user)))
	for _, jobs := range []int{1, 3} {
		r := runJobs(t, jobs, "", path, filepath.Join(dir, "b"))
		if diff := cmp.Diff(append(slices.Clone(want), filepath.Join(dir, "b")+":1"), r.at); diff != "" {
			t.Error(diff)
		}
		// Behind the third of four parts of the same length.
		unjudged := detect.Place{Input: path, Line: int64((lines-1)/4*3 + 1)}
		if got := r.first[detect.NoEvent]; got != unjudged {
			t.Errorf("the first text that cannot be judged: %v, not %v", got, unjudged)
		}
	}
}

// An export of all logs of a cluster has hundreds of files beside the audit log.
func TestManyOdd(t *testing.T) {
	dir := t.TempDir()
	for i := range 9 {
		write(t, dir, fmt.Sprint("authenticator", i), []byte("access granted\n"))
	}
	write(t, dir, "kube-apiserver-audit", []byte(line("1", user)))
	r := run(t, "", dir)
	if len(r.warns) != 4 || r.warns[3] != "6 more of 10 files have no audit events in them, either" || len(r.ids) != 1 {
		t.Errorf("%q, %v", r.warns, r.ids)
	}
}

// What is packed and not whole says so in words, and what to do.
func TestDamaged(t *testing.T) {
	dir := t.TempDir()
	whole := pack(line("1", user) + strings.Repeat(line("2", "alice"), 100))
	bad := bytes.Clone(whole)
	bad[len(bad)-6] ^= 1 // of the checksum
	for name, test := range map[string]struct {
		content []byte
		want    string
	}{
		"cut":      {whole[:len(whole)-8], "cut off"},
		"checksum": {bad, "damaged"},
		"header":   {[]byte("\x1f\x8b\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "damaged"},
	} {
		r := run(t, "", write(t, dir, name, test.content))
		if r.err == nil || !strings.Contains(r.err.Error(), test.want) || !strings.Contains(r.err.Error(), "fetch the file again") {
			t.Errorf("%s: %v", name, r.err)
		}
	}
}

// TestText: encodings, rotation, container runtimes and layouts.
func TestText(t *testing.T) {
	one := strings.TrimSuffix(line("a", user), "\n")
	wide := func(text string, low int) string {
		var b []byte
		for _, r := range text {
			unit := [2]byte{}
			unit[low] = byte(r)
			b = append(b, unit[:]...)
		}
		return string(b)
	}
	var layout bytes.Buffer
	if err := json.Indent(&layout, []byte(one), "", "  "); err != nil {
		t.Fatal(err)
	}
	pretty := layout.String()
	flat := strings.NewReplacer("\n  ", "\n", "    ", "").Replace(pretty)
	quoted := strconv.Quote(one + "\n")
	docker := func(part string) string { return `{"log":"` + part + `","stream":"stdout","time":"x"}` + "\n" }
	cut := strings.Index(one, "anonymous") + 3
	quotedCut := strings.Index(quoted, "anonymous") + 3
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, name := range []string{"x", "y"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(one)), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, one); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ text, ids string }{
		"byte order mark and layout": {"\xef\xbb\xbf" + pretty + "\n" + line("b", user), "a b"},
		"byte order mark and array":  {"\xef\xbb\xbf[\n" + one + ",\n" + one + "\n]\n", "a a"},
		"blank lines in a layout":    {strings.Replace(pretty, ",\n", ",\n\n   \n", 2) + "\n" + line("b", user), "a b"},
		"no indents":                 {flat + "\n" + line("b", user), "a b"},
		"UTF-16LE":                   {"\xff\xfe" + wide(line("a", user)+line("b", user), 0), "a b"},
		"UTF-16BE":                   {"\xfe\xff" + wide(line("a", user), 1), "a"},
		"UTF-16LE without a mark":    {wide(line("a", user), 0), "a"},
		"NULs":                       {strings.Repeat("\x00", 5000) + line("a", user) + line("b", user), "a b"},
		"CRI parts":                  {"2026-11-20T10:00:00Z stdout P " + one[:cut] + "\n2026-11-20T10:00:00Z stdout F " + one[cut:] + "\n" + line("b", user), "a b"},
		"CRI, three parts":           {"2026-11-20T10:00:00Z stdout P " + one[:10] + "\n2026-11-20T10:00:00Z stdout P " + one[10:cut] + "\n2026-11-20T10:00:00Z stdout F " + one[cut:] + "\n", "a"},
		"Docker parts":               {docker(quoted[1:quotedCut]) + docker(quoted[quotedCut:len(quoted)-1]) + line("b", user), "a b"},
		"tar":                        {archive.String(), "a a"},
		"prefix of 2 KB":             {strings.Repeat("x ", 1000) + one + "\n", "a"},
		"prefix and layout":          {"[pod/x] " + pretty + "\n" + line("b", user), "a b"},
		"CSV":                        {"t,m\n2026,\"" + strings.ReplaceAll(one, `"`, `""`) + "\"\n", "a"},
		"logfmt":                     {"time=1 msg=" + strconv.Quote(one) + "\n", "a"},
	} {
		for _, text := range []string{tc.text, string(pack(tc.text))} {
			r := run(t, text, "-")
			if got := strings.Join(r.ids, " "); got != tc.ids || r.err != nil || r.stats.Undecidable != 0 {
				t.Errorf("%s: %q, not %q, %d undecidable %v, %v", name, got, tc.ids, r.stats.Undecidable, r.first, r.err)
			}
		}
	}
}

// TestEventless: what was not read is counted.
func TestEventless(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a", []byte("no\n"))
	write(t, dir, "b", []byte(strings.Repeat(" ", 600)+`{"x":"`+strings.Repeat("y", 600)+`","auditID":"1"}`+"\n"))
	write(t, dir, "c", []byte("\xfd7zXZ\x00 and more"))
	write(t, dir, "d", []byte("PK\x03\x04 and more"))
	r := run(t, "", dir)
	if r.stats.Eventless != 1 || r.stats.Unreadable != 2 || len(r.warns) != 1 || r.err == nil {
		t.Errorf("%+v, %q, %v", r.stats, r.warns, r.err)
	}
}

// TestArchives: xz, and zip with packed files in it.
func TestArchives(t *testing.T) {
	var packed, archive bytes.Buffer
	w, err := xz.NewWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, line("a", user)+line("b", user)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(&archive)
	for name, content := range map[string][]byte{"x": []byte(strings.TrimSpace(line("c", user))), "y.gz": pack(line("c", user))} {
		file, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	r := run(t, "", write(t, dir, "x.xz", packed.Bytes()), write(t, dir, "y.zip", archive.Bytes()))
	if diff := cmp.Diff([]string{"a", "b", "c", "c"}, r.ids); diff != "" || r.err != nil {
		t.Errorf("%v\n%s", r.err, diff)
	}
}
