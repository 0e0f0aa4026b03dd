package search_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeanon/kubeanon/internal/splunk/rows"
	"github.com/kubeanon/kubeanon/internal/splunk/search"
	"github.com/kubeanon/kubeanon/internal/splunk/splunkd"
)

// echo is a command that returns every row as it came. The option "refuse"
// refuses the search; a value "fail" or "panic" in column a does what it says.
type echo struct {
	info search.Getinfo
	rows int
}

func (e *echo) Getinfo(info search.Getinfo) (search.Info, error) {
	e.info = info
	if slices.Contains(info.Args, "refuse") {
		return search.Info{}, errors.New("kubeanon: no")
	}
	return search.Info{Type: "streaming"}, nil
}

func (e *echo) Execute(in *rows.Reader, out *rows.Writer, finished bool) ([]search.Message, error) {
	h, err := in.Header()
	if err != nil {
		return nil, err
	}
	var columns []rows.Column
	for i, name := range h.Names() {
		columns = append(columns, rows.Column{Name: name, Multi: h.Multi(i)})
	}
	out.Reset(columns)
	for {
		row, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		e.rows++
		for i := range columns {
			switch string(row.Value(i)) {
			case "fail":
				return nil, errors.New("it failed")
			case "panic":
				panic("it panicked")
			}
			out.Raw(row.Cell(i), row.MVCell(i))
		}
		out.EndRow()
	}
	messages := []search.Message{{Level: search.Warn, Text: "said once"}}
	if finished {
		messages = append(messages, search.Message{Level: search.Note, Text: fmt.Sprintf("%d rows", e.rows)})
	}
	return messages, nil
}

// start runs a command and returns its player, and a channel with Run's error.
func start(t *testing.T, cmd search.Command) (*splunkd.Player, io.WriteCloser, <-chan error) {
	t.Helper()
	inR, inW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outR, outW := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := search.Run(inR, outW, cmd)
		outW.Close()
		inR.Close()
		ended <- err
	}()
	return splunkd.New(inW, outR), inW, ended
}

func TestConversation(t *testing.T) {
	cmd := &echo{}
	p, _, ended := start(t, cmd)
	reply, err := p.Getinfo([]string{"match=any"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(splunkd.Reply{Type: "streaming"}, reply); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"match=any"}, cmd.info.Args); diff != "" {
		t.Error(diff)
	}
	sent := []splunkd.Row{{"a": {"x"}, "b": {"1", "2"}}, {"a": {"line\nbreak, \"quoted\""}}}
	var got []splunkd.Row
	var said []string
	for i, chunk := range [][]splunkd.Row{sent[:1], nil, sent[1:], nil} {
		back, messages, err := p.Execute([]string{"a", "b"}, chunk, i == 3)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, back...)
		for _, m := range messages {
			said = append(said, string(m.Level)+" "+m.Text)
		}
	}
	if diff := cmp.Diff(sent, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"WARN said once", "INFO 2 rows"}, said); diff != "" {
		t.Error(diff)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	p, _, ended := start(t, &echo{})
	reply, err := p.Getinfo([]string{"refuse"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(splunkd.Reply{Type: "streaming", Error: "kubeanon: no", Finished: true}, reply); diff != "" {
		t.Error(diff)
	}
	var refused *search.RefusedError
	if err := <-ended; !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}

// TestEnds shows the normal ends: at every boundary between requests.
func TestEnds(t *testing.T) {
	for requests := range 3 {
		p, _, ended := start(t, &echo{})
		if requests > 0 {
			if _, err := p.Getinfo(nil); err != nil {
				t.Fatal(err)
			}
		}
		if requests > 1 {
			if _, _, err := p.Execute([]string{"a"}, []splunkd.Row{{"a": {"1"}}}, false); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Errorf("end after %d requests: %v", requests, err)
		}
	}
}

// TestFaults shows that a search that cannot go on fails with its message and
// without rows.
func TestFaults(t *testing.T) {
	body := string(splunkd.EncodeBody([]string{"a"}, []splunkd.Row{{"a": {"x"}}, {"a": {"y"}}}))
	frame := func(metadata, body string) string { return string(splunkd.EncodeChunk(metadata, []byte(body))) }
	whole := frame(splunkd.Execute(false), body)
	for name, tc := range map[string]struct{ send, want string }{
		"truncated header":    {"chunked 1.0,37,", "ended early"},
		"truncated metadata":  {"chunked 1.0,37,0\n{", "ended early"},
		"body cut by the end": {whole[:len(whole)-3], "ended early"},
		"length too long":     {"chunked 1.0,37,9999\n" + splunkd.Execute(false) + body, "ended early"},
		"huge length":         {"chunked 1.0,37,10000000000000\n" + splunkd.Execute(false) + body, "over the limit"},
		"no header":           {"a,b\n1,2\n", "could not be read"},
		"bad JSON":            {frame(`{"action":"execute","finished":fals`, body), "not JSON"},
		"unknown action":      {frame(`{"action":"frobnicate"}`, body), `"frobnicate"`},
		"second getinfo":      {frame(splunkd.Getinfo(nil), ""), `"getinfo"`},
		"command fails":       {frame(splunkd.Execute(false), "a\nok\nfail\n"), "it failed"},
		"command panics":      {frame(splunkd.Execute(false), "a\nok\npanic\n"), "internal error: it panicked"},
	} {
		t.Run(name, func(t *testing.T) {
			p, stdin, ended := start(t, &echo{})
			if _, err := p.Getinfo(nil); err != nil {
				t.Fatal(err)
			}
			go func() {
				_, _ = io.WriteString(stdin, tc.send)
				stdin.Close()
			}()
			// An empty request only to read the reply that comes.
			metadata, out, err := p.Exchange(nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(out) > 0 {
				t.Errorf("rows of a failed request: %q", out)
			}
			if s := string(metadata); !strings.Contains(s, `"finished":false`) || !strings.Contains(s, `"ERROR"`) || !strings.Contains(strings.ReplaceAll(s, `\"`, `"`), tc.want) {
				t.Errorf("got %s, want %q", metadata, tc.want)
			}
			if err := <-ended; err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestFirstRequest(t *testing.T) {
	for name, send := range map[string][]byte{
		"execute first":       splunkd.EncodeChunk(splunkd.Execute(false), nil),
		"getinfo with a body": splunkd.EncodeChunk(splunkd.Getinfo(nil), []byte("a\n")),
		"bad JSON":            splunkd.EncodeChunk(`{"action":`, nil),
	} {
		p, _, ended := start(t, &echo{})
		metadata, _, err := p.Exchange(send)
		if err != nil || !strings.Contains(string(metadata), `"ERROR"`) {
			t.Errorf("%s: %s, %v", name, metadata, err)
		}
		if err := <-ended; err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestContentFaults shows that odd rows are no reason to stop.
func TestContentFaults(t *testing.T) {
	for name, body := range map[string]string{
		"none":              "",
		"header only":       "a,__mv_a\n",
		"NUL":               "a\n\"x\x00y\"\n",
		"invalid UTF-8":     "a\n\"x\xff\xfey\"\n",
		"duplicate columns": "a,a,b\n1,2,3\n",
		"ragged":            "a,b\n1\n1,2,3\n",
		"garbage":           "\x01\x02\",\"\n\"\x00\n\n\xff,,,\"x",
		"open quote":        "a,b\n1,\"2\n3,4\n",
	} {
		p, _, ended := start(t, &echo{})
		if _, err := p.Getinfo(nil); err != nil {
			t.Fatal(err)
		}
		if _, _, err := p.ExecuteBody([]byte(body), true); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := <-ended; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBrokenStdout: splunkd goes away, as it does after "| head".
func TestBrokenStdout(t *testing.T) {
	stream := append(splunkd.EncodeChunk(splunkd.Getinfo(nil), nil), splunkd.EncodeChunk(splunkd.Execute(false), []byte("a\n1\n"))...)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	if err := search.Run(strings.NewReader(string(stream)), w, &echo{}); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("got %v", err)
	}
}

// FuzzRun sends any stream: Run ends, and whatever it answers is framed.
func FuzzRun(f *testing.F) {
	f.Add(append(splunkd.EncodeChunk(splunkd.Getinfo([]string{"a=b"}), nil), splunkd.EncodeChunk(splunkd.Execute(true), []byte("a,__mv_a\n\"x\ny\",\"$x$;$y$\"\n"))...))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var out strings.Builder
		_ = search.Run(strings.NewReader(string(stream)), &out, &echo{})
		if s := out.String(); s != "" && !strings.HasPrefix(s, "chunked 1.0,") {
			t.Fatalf("unframed: %q", s)
		}
	})
}
