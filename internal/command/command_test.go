package command_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/command"
	"github.com/kubeanon/kubeanon/internal/demo"
	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/splunk/rows"
	"github.com/kubeanon/kubeanon/internal/splunk/search"
	"github.com/kubeanon/kubeanon/internal/splunk/splunkd"
	"github.com/kubeanon/kubeanon/internal/testing/corpus"
)

// process is a search command at work: in this process, but on pipes.
type process struct {
	*splunkd.Player
	stdin *io.PipeWriter
	ended <-chan error
}

// start starts a search and asks for its getinfo.
func start(opts string) (*process, splunkd.Reply, error) {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := search.Run(inR, outW, &command.Command{})
		outW.Close()
		inR.Close()
		ended <- err
	}()
	p := &process{splunkd.New(inW, outR), inW, ended}
	args, _ := splunkd.Split(opts)
	reply, err := p.Getinfo(args)
	return p, reply, err
}

// end ends the search as splunkd does, by closing the command's input.
func (p *process) end() error {
	if err := p.Close(); err != nil {
		return err
	}
	return <-p.ended
}

// run plays one search: rows in chunks of some rows each.
func run(t testing.TB, opts string, columns []string, input []splunkd.Row, chunk int) (out []splunkd.Row, said []string) {
	t.Helper()
	p, reply, err := start(opts)
	if err != nil {
		t.Fatal(err)
	}
	if reply.Error != "" {
		return nil, []string{reply.Error}
	}
	for part := range slices.Chunk(input, chunk) {
		back, messages, err := p.Execute(columns, part, false)
		if err != nil {
			t.Fatal(err)
		}
		if len(messages) > 0 {
			t.Errorf("messages before the end: %v", messages)
		}
		out = append(out, back...)
	}
	_, messages, err := p.Execute(columns, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		said = append(said, string(m.Level)+" "+m.Text)
	}
	if err := p.end(); err != nil {
		t.Fatal(err)
	}
	return out, said
}

// raw are rows of Splunk that hold the text of events.
func raw(events []corpus.Event) (input []splunkd.Row) {
	for i, e := range events {
		input = append(input, splunkd.Row{"_time": {fmt.Sprintf("1795426296.%06d", i)}, "_raw": {e.Raw}, "host": {"cp-1"}})
	}
	return input
}

// extracted are the same rows as Splunk's JSON extraction makes them.
func extracted(events []corpus.Event) (input []splunkd.Row) {
	for i, e := range events {
		row := splunkd.Row{"_time": {fmt.Sprintf("1795426296.%06d", i)}, "host": {"cp-1"}}
		for name, value := range map[string]string{
			"auditID": e.AuditID, "stage": e.Stage, "requestURI": e.RequestURI, "verb": e.Verb, "userAgent": e.UserAgent,
			"user.username": e.User.Username, "user.uid": e.User.UID, "impersonatedUser.username": e.ImpersonatedUser.Username,
			"objectRef.resource": e.ObjectRef.Resource, "objectRef.namespace": e.ObjectRef.Namespace, "objectRef.name": e.ObjectRef.Name,
			"objectRef.apiGroup": e.ObjectRef.APIGroup, "objectRef.subresource": e.ObjectRef.Subresource,
			"responseStatus.code": e.ResponseStatus.Code.String(), "responseStatus.message": e.ResponseStatus.Message,
			"requestReceivedTimestamp":                  e.RequestReceivedTimestamp,
			"annotations.authorization.k8s.io/decision": e.Annotations["authorization.k8s.io/decision"],
			"annotations.authorization.k8s.io/reason":   e.Annotations["authorization.k8s.io/reason"],
		} {
			if value != "" {
				row[name] = []string{strings.ToValidUTF8(value, "\uFFFD")}
			}
		}
		for name, values := range map[string][]string{"user.groups{}": e.User.Groups, "impersonatedUser.groups{}": e.ImpersonatedUser.Groups, "sourceIPs{}": e.SourceIPs} {
			if len(values) > 0 {
				row[name] = values
			}
		}
		input = append(input, row)
	}
	return input
}

var (
	rawColumns       = []string{"_time", "_raw", "host"}
	extractedColumns = []string{
		"_time", "host", "auditID", "stage", "requestURI", "verb", "userAgent", "user.username", "user.uid", "user.groups{}",
		"impersonatedUser.username", "impersonatedUser.groups{}", "sourceIPs{}", "objectRef.resource", "objectRef.namespace", "objectRef.name", "objectRef.apiGroup",
		"objectRef.subresource", "responseStatus.code", "responseStatus.message", "requestReceivedTimestamp",
		"annotations.authorization.k8s.io/decision", "annotations.authorization.k8s.io/reason",
	}
)

// TestRealEvents counts on the recorded events: the numbers are those of
// testdata/audit/README.md, which come from the ledger of what was sent. The
// 13 original fields of each row are held against encoding/json.
func TestRealEvents(t *testing.T) {
	events := corpus.Events(t)
	impersonated := 0
	for _, e := range events {
		if as := e.ImpersonatedUser; e.User.Username != "system:anonymous" && (as.Username == "system:anonymous" || slices.Contains(as.Groups, "system:unauthenticated")) {
			impersonated++
		}
	}
	for _, tc := range []struct {
		opts string
		want int
	}{{"", 750}, {"match=strict", 744}, {"input=raw", 750}, {"include=impersonated_anonymous input=raw", 750 + impersonated}, {"include=rejected_401", 750 + 43}} {
		out, said := run(t, tc.opts, rawColumns, raw(events), 1000)
		if len(out) != tc.want || len(said) > 0 {
			t.Errorf("%q: %d rows, want %d; %v", tc.opts, len(out), tc.want, said)
		}
	}
	out, _ := run(t, "", rawColumns, raw(events), 777)
	for _, e := range events {
		if e.User.Username != "system:anonymous" && !slices.Contains(e.User.Groups, "system:unauthenticated") {
			continue
		}
		row := out[0]
		out = out[1:]
		fill := func(s string) []string {
			if s == "" {
				s = "0"
			}
			return []string{strings.ReplaceAll(s, "\x00", "\uFFFD")} // splunkd takes no NUL
		}
		want := splunkd.Row{
			"objectRef.name": fill(e.ObjectRef.Name), "objectRef.namespace": fill(e.ObjectRef.Namespace), "objectRef.resource": fill(e.ObjectRef.Resource),
			"requestReceivedTimestamp": fill(e.RequestReceivedTimestamp), "requestURI": fill(e.RequestURI), "responseStatus.code": fill(e.ResponseStatus.Code.String()),
			"src_ip": e.SourceIPs[len(e.SourceIPs)-1:], "stage": fill(e.Stage), "user.groups{}": e.User.Groups, "user.uid": {"0"},
			"user": fill(e.User.Username), "userAgent": fill(e.UserAgent), "verb": fill(e.Verb),
			"_raw": {e.Raw}, "host": {"cp-1"}, "audit_id": {e.AuditID}, "src_ip_chain": e.SourceIPs,
		}
		for name, values := range want {
			if diff := cmp.Diff(values, row[name]); diff != "" {
				t.Errorf("%s %s: %s (-want +got)\n%s", e.AuditID, e.Stage, name, diff)
			}
		}
		wantOutcome := map[string]string{"allow": "allowed", "forbid": "denied"}[e.Annotations["authorization.k8s.io/decision"]]
		if got := row["outcome"][0]; wantOutcome != "" && got != wantOutcome {
			t.Errorf("%s %s: outcome %s, want %s", e.AuditID, e.Stage, got, wantOutcome)
		}
	}
	if len(out) > 0 {
		t.Errorf("%d rows too many", len(out))
	}
}

// TestInputs: the raw text, the columns, and both give the same judgement.
func TestInputs(t *testing.T) {
	events := corpus.Events(t)
	want, _ := run(t, "input=raw", rawColumns, raw(events), 1000)
	both := extracted(events)
	for i := range both {
		both[i]["_raw"] = []string{events[i].Raw}
	}
	for name, tc := range map[string]struct {
		opts    string
		columns []string
		input   []splunkd.Row
	}{
		"columns":           {"input=columns", extractedColumns, extracted(events)},
		"columns by auto":   {"", extractedColumns, extracted(events)},
		"both":              {"", append(extractedColumns, "_raw"), both},
		"raw in the middle": {"input=raw", append([]string{"_raw"}, extractedColumns...), both},
	} {
		t.Run(name, func(t *testing.T) {
			got, said := run(t, tc.opts, tc.columns, tc.input, 500)
			if len(got) != len(want) || len(said) > 0 {
				t.Fatalf("%d rows, want %d; %v", len(got), len(want), said)
			}
			for i := range want {
				for _, field := range detect.Fields {
					a, b := want[i][field.Name], got[i][field.Name]
					if field.Name == "format" {
						continue
					}
					if names := []string{"undo", "grant_kind", "grant_binding", "grant_role", "grant_subject"}; slices.Contains(names, field.Name) && !slices.Contains(tc.columns, "_raw") {
						continue // columns hold no bodies, which name generated objects and subjects
					}
					if diff := cmp.Diff(a, b); diff != "" {
						t.Fatalf("row %d, %s (-raw +%s)\n%s", i, field.Name, name, diff)
					}
				}
			}
		})
	}
}

// TestSeedParity: with the options of the original search, and its count done
// here, the table is the one that search set out to give. The independent
// reading takes the events that its base search matches, fills what is empty
// with 0 and counts by the same fields.
func TestSeedParity(t *testing.T) {
	events := corpus.Events(t)
	var want []splunkd.Row
	for _, e := range events {
		if e.User.Username != "system:anonymous" || !slices.Contains(e.User.Groups, "system:unauthenticated") {
			continue
		}
		row := splunkd.Row{"src_ip": e.SourceIPs, "user.groups{}": e.User.Groups}
		for name, value := range map[string]string{
			"objectRef.name": e.ObjectRef.Name, "objectRef.namespace": e.ObjectRef.Namespace, "objectRef.resource": e.ObjectRef.Resource,
			"requestReceivedTimestamp": e.RequestReceivedTimestamp, "requestURI": e.RequestURI, "responseStatus.code": e.ResponseStatus.Code.String(),
			"stage": e.Stage, "user.uid": e.User.UID, "user": e.User.Username, "userAgent": e.UserAgent, "verb": e.Verb,
		} {
			if value == "" {
				value = "0"
			}
			row[name] = []string{strings.ReplaceAll(value, "\x00", "\uFFFD")}
		}
		want = append(want, row)
	}
	got, _ := run(t, demo.SeedOptions, rawColumns, raw(events), 300)
	for _, row := range got {
		if row["risk_score"][0] != "25" || row["impact"][0] != "50" || row["confidence"][0] != "50" {
			t.Fatalf("flat risk is %v x %v = %v", row["impact"], row["confidence"], row["risk_score"])
		}
	}
	wantTable, gotTable := demo.Stats(want), demo.Stats(got)
	if diff := cmp.Diff(wantTable, gotTable); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(gotTable) < 700 {
		t.Errorf("only %d rows in the table", len(gotTable))
	}
	// What the original search gives for the same events: fillnull without a
	// field list does not create user.uid, so every row lacks it.
	for _, row := range want {
		delete(row, "user.uid")
	}
	if n := len(demo.Stats(want)); n != 0 {
		t.Errorf("without user.uid the count keeps %d rows", n)
	}
}

func TestEmitAll(t *testing.T) {
	input := []splunkd.Row{
		{"_raw": {`{"kind":"Event","apiVersion":"audit.k8s.io/v1","user":{"username":"alice","groups":["a","b"]},"verb":"get"}`}},
		{"_raw": {`{"kind":"Event","apiVersion":"audit.k8s.io/v1","user":{"username":"system:anonymous"}}`}},
		{"_raw": {`{"kind":"Event","apiVersion":"audit.k8s.io/v1","requestURI":"/x`}},
		{"_raw": {`I1120 httplog.go:132] user="system:anonymous"`}, "verb": {"LIST"}},
		{"_raw": {`plain text`}, "user": {"somebody"}},
		{"host": {"h"}},
	}
	columns := []string{"_raw", "verb", "user", "host"}
	out, said := run(t, "emit=all input=raw", columns, input, 4)
	var got [][]string
	for _, row := range out {
		one := func(name string) string { return strings.Join(row[name], ",") }
		got = append(got, []string{one("anonymous_class"), one("user"), one("verb"), one("kubeanon_error"), one("risk_score")})
	}
	want := [][]string{
		{"authenticated", "alice", "get", "", ""},
		{"anonymous_user_only", "system:anonymous", "0", "", "25"},
		{"unknown", "", "", "cut before the identity", ""},
		{"unknown", "", "LIST", "names anonymous, but no audit event parses out of it", ""},
		{"unknown", "somebody", "", "", ""},
		{"unknown", "", "", "", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{
		"WARN kubeanon: undecidable rows: 1 (cut before the identity); emit=all shows them with kubeanon_error",
		"WARN kubeanon: undecidable rows: 1 (names anonymous, but no audit event parses out of it); emit=all shows them with kubeanon_error",
	}, said); diff != "" {
		t.Error(diff)
	}
	// Without emit=all the same are counted, though not shown.
	out, again := run(t, "input=raw", columns, input, 4)
	if len(out) != 1 {
		t.Errorf("%d hits", len(out))
	}
	if diff := cmp.Diff(said, again); diff != "" {
		t.Error(diff)
	}
}

// TestColumnsBesideText: a text that does not parse leaves the word to the
// columns; one that does has it.
func TestColumnsBesideText(t *testing.T) {
	row := func(text, user string) splunkd.Row { return splunkd.Row{"_raw": {text}, "user.username": {user}} }
	out, said := run(t, "", []string{"_raw", "user.username"}, []splunkd.Row{
		row(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","requestURI":"/x`, "system:anonymous"),
		row(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","user":{"username":"alice"}}`, "system:anonymous"),
		row(`not JSON`, "system:anonymous"),
		row(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","requestURI":"/x`, "alice"),
	}, 10)
	var got []string
	for _, r := range out {
		got = append(got, r["format"][0]+" "+r["_raw"][0][:8])
	}
	if diff := cmp.Diff([]string{`columns {"kind":`, "columns not JSON"}, got); diff != "" {
		t.Error(diff)
	}
	if len(said) > 0 {
		t.Errorf("decided by columns, but said %v", said)
	}
}

func TestFlat(t *testing.T) {
	input := []splunkd.Row{{"_raw": {`{"kind":"Event","apiVersion":"audit.k8s.io/v1","user":{"username":"system:anonymous"}}`}}}
	for opts, want := range map[string]string{"": "25", "risk=flat": "25", "risk=flat impact=80 confidence=90": "72", "risk=flat impact=0": "0"} {
		out, _ := run(t, opts, []string{"_raw"}, input, 1)
		if got := out[0]["risk_score"][0]; got != want {
			t.Errorf("%q: %s, want %s", opts, got, want)
		}
	}
	_, said := run(t, "impact=80", []string{"_raw"}, input, 1)
	if diff := cmp.Diff([]string{`kubeanon: risk="graded" is not valid; allowed: flat, since impact= or confidence= is given`}, said); diff != "" {
		t.Error(diff)
	}
}

func TestRequiredFields(t *testing.T) {
	for opts, want := range map[string]int{"input=raw": 1, "input=columns": 21, "": 22} {
		info, err := (&command.Command{}).Getinfo(search.Getinfo{Searchinfo: search.Searchinfo{Args: strings.Fields(opts)}})
		if err != nil || len(info.RequiredFields) != want || info.Type != "streaming" {
			t.Errorf("%q: %v, %v", opts, info, err)
		}
	}
	info, err := (&command.Command{Local: true}).Getinfo(search.Getinfo{})
	if err != nil || info.Type != "stateful" {
		t.Errorf("%v, %v", info, err)
	}
}

// body is a request of n rows of recorded events that are dull, and every
// nth of them a hit; 0 is none.
func body(t testing.TB, n, nth int) []byte {
	t.Helper()
	var dull, hits []string
	for _, e := range corpus.Events(t) {
		switch {
		case e.User.Username == "system:anonymous":
			hits = append(hits, e.Raw)
		case audit.Dull([]byte(e.Raw), false) && len(e.Raw) < 64<<10:
			dull = append(dull, e.Raw)
		}
	}
	var input []splunkd.Row
	for i := range n {
		text := dull[i%len(dull)]
		if nth > 0 && i%nth == 0 {
			text = hits[i/nth%len(hits)]
		}
		input = append(input, splunkd.Row{"_raw": {text}, "_chunked_idx": {strconv.Itoa(i)}})
	}
	return splunkd.EncodeBody([]string{"_raw", "_chunked_idx"}, input)
}

// execute runs one request in this process.
func execute(t testing.TB, c *command.Command, in *rows.Reader, out *rows.Writer, stream io.Reader) {
	t.Helper()
	in.Reset(stream)
	if _, err := c.Execute(in, out, false); err != nil {
		t.Fatal(err)
	}
}

// TestAllocs: a row that is no hit costs no allocation.
func TestAllocs(t *testing.T) {
	var c command.Command
	if _, err := c.Getinfo(search.Getinfo{Searchinfo: search.Searchinfo{Args: []string{"input=raw"}}}); err != nil {
		t.Fatal(err)
	}
	count := func(n int) float64 {
		in, out, text := rows.NewReader(0), &rows.Writer{}, body(t, n, 0)
		stream := bytes.NewReader(text)
		return testing.AllocsPerRun(5, func() {
			stream.Reset(text)
			execute(t, &c, in, out, stream)
		})
	}
	if few, many := count(10), count(2000); many > few {
		t.Errorf("10 rows: %v allocations, 2000 rows: %v", few, many)
	}
}

// BenchmarkExecute is one request of recorded events. The peer does what a
// plain script does with it: encoding/csv, then encoding/json for each row.
func BenchmarkExecute(b *testing.B) {
	const n = 5000
	some := body(b, n, 100)
	for name, text := range map[string][]byte{"no hits": body(b, n, 0), "1 percent hits": some, "all hits": body(b, n, 1)} {
		b.Run(name, func(b *testing.B) {
			var c command.Command
			if _, err := c.Getinfo(search.Getinfo{Searchinfo: search.Searchinfo{Args: []string{"input=raw"}}}); err != nil {
				b.Fatal(err)
			}
			in, out, stream := rows.NewReader(0), &rows.Writer{}, bytes.NewReader(nil)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				stream.Reset(text)
				execute(b, &c, in, out, stream)
			}
			b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
	b.Run("peer: encoding csv and json", func(b *testing.B) {
		b.SetBytes(int64(len(some)))
		b.ReportAllocs()
		for b.Loop() {
			r := csv.NewReader(bytes.NewReader(some))
			r.ReuseRecord = true
			hits := 0
			for {
				record, err := r.Read()
				if err == io.EOF {
					break
				}
				var event struct{ User struct{ Username string } }
				if json.Unmarshal([]byte(record[0]), &event) == nil && event.User.Username == "system:anonymous" {
					hits++
				}
			}
			if hits != n/100 {
				b.Fatalf("%d hits", hits)
			}
		}
	})
}
