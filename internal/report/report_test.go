package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"golang.org/x/net/html"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/report"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// findings are three requests: a breach, noise twice, and one whose every word
// an attacker wrote.
func findings() (all []detect.Finding) {
	add := func(change func(*audit.Event)) {
		ev := &audit.Event{
			AuditID: "a-1", Stage: "ResponseComplete", Verb: "list", RequestURI: "/api/v1/namespaces/web/secrets",
			User:      audit.User{Username: audit.Anonymous, Groups: []string{audit.Unauthenticated}},
			SourceIPs: []string{"203.0.113.7"}, ObjectRef: audit.ObjectRef{Resource: "secrets", Namespace: "web"},
			ResponseStatus: audit.ResponseStatus{Code: "200"}, RequestReceivedTimestamp: "2026-11-23T09:28:47.400470Z",
			Annotations: audit.Annotations{Decision: "allow", Reason: `RBAC: allowed by ClusterRoleBinding "anon" of ClusterRole "view" to Group "system:unauthenticated"`},
		}
		change(ev)
		policy := judge.DefaultPolicy()
		all = append(all, detect.Finding{Event: ev, Verdict: policy.Judge(ev), Format: "audit"})
	}
	add(func(*audit.Event) {})
	all[0].Place = detect.Place{Input: "logs/a b#1.gz", Line: 7}
	for range 2 {
		add(func(e *audit.Event) {
			e.RequestURI, e.ObjectRef, e.Verb, e.Annotations = "/.env", audit.ObjectRef{}, "get", audit.Annotations{Decision: "forbid"}
			e.ResponseStatus.Code = "403"
		})
	}
	add(func(e *audit.Event) {
		e.UserAgent = "=cmd|' /C calc'!A0\x00\x1b[31m\u202e\u0085\"<b>,\xff"
		e.AuditID, e.ResponseStatus.Code, e.SourceIPs = "@x", "many", []string{"10.0.0.1", "203.0.113.7"}
	})
	return all
}

func write(t *testing.T, format string, opts report.Options, all []detect.Finding) string {
	t.Helper()
	return writeFrom(t, format, opts, report.Source{}, all)
}

func writeFrom(t *testing.T, format string, opts report.Options, from report.Source, all []detect.Finding) string {
	t.Helper()
	var b bytes.Buffer
	w, err := report.New(format, &b, opts)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if err := w.Write(&all[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(from); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// source is what a report of one log says of it.
func source() report.Source {
	return report.Source{
		Title: "audit.log, <script>|`x`", At: time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC),
		Events: 12_345, Undecidable: 2, LeftOut: 1, Incomplete: "stopped before the end",
	}
}

func TestGolden(t *testing.T) {
	for _, format := range report.Formats() {
		for name, all := range map[string][]detect.Finding{"some": findings(), "none": nil} {
			got := writeFrom(t, format, report.Options{}, source(), all)
			path := filepath.Join("testdata", format+"-"+name+".golden")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", path, diff)
			}
		}
	}
}

// TestSafe: no format puts a raw control character on a terminal.
func TestSafe(t *testing.T) {
	for _, format := range []string{"table", "json", "ndjson", "markdown", "html", "sarif"} {
		for _, r := range write(t, format, report.Options{}, findings()) {
			if r != '\n' && (r != '\t' || format != "html") && !unicode.IsGraphic(r) { // the page's style is indented with tabs
				t.Errorf("%s: %q", format, r)
			}
		}
	}
}

// TestJSON: every row is an object with the right types, text is verbatim, and
// empty fields are left out.
func TestJSON(t *testing.T) {
	all := findings()
	var array []map[string]any
	if err := json.Unmarshal([]byte(write(t, "json", report.Options{}, all)), &array); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(write(t, "ndjson", report.Options{}, all)), "\n")
	if len(array) != len(all) || len(lines) != len(all) {
		t.Fatalf("%d objects, %d lines", len(array), len(lines))
	}
	for i, line := range lines {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(array[i], object); diff != "" {
			t.Error(diff)
		}
		for name, value := range object {
			if value == "" || value == nil {
				t.Errorf("%s is empty", name)
			}
		}
		want := map[string]any{
			"user": "system:anonymous", "user.groups{}": []any{"system:unauthenticated"}, "src_ip": "203.0.113.7",
			"risk_score": float64(all[i].Verdict.Score), "impact": float64(all[i].Verdict.Impact), "requestURI": all[i].Event.RequestURI,
		}
		for name, value := range want {
			if diff := cmp.Diff(value, object[name]); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
	if got := array[0]["responseStatus.code"]; got != 200.0 {
		t.Errorf("code %v", got)
	}
	if got := array[3]["responseStatus.code"]; got != "many" { // verbatim, whatever it is
		t.Errorf("code %v", got)
	}
	if got, want := array[3]["userAgent"], strings.ToValidUTF8(all[3].Event.UserAgent, "\ufffd"); got != want {
		t.Errorf("userAgent %q, want %q", got, want)
	}
	var filled map[string]any
	if err := json.Unmarshal([]byte(write(t, "ndjson", report.Options{Fill: "-"}, all[:1])), &filled); err != nil {
		t.Fatal(err)
	}
	if filled["user.uid"] != "-" || filled["rbac_kind"] != "ClusterRoleBinding" || filled["partial"] != nil {
		t.Errorf("filled: %v", filled)
	}
}

// TestCSV: every row has every column, and no cell is a formula.
func TestCSV(t *testing.T) {
	table, err := csv.NewReader(strings.NewReader(write(t, "csv", report.Options{}, findings()))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range table[0] {
		if name != detect.Fields[i].Name {
			t.Errorf("column %d is %s", i, name)
		}
	}
}

// TestFormulas: no cell begins as a formula, whether the comma, the semicolon or
// the tab separates cells; else every text is as it was.
func TestFormulas(t *testing.T) {
	for _, c := range []struct{ agent, want string }{
		{"=1+1", "'=1+1"}, {"+1", "'+1"}, {"-1", "'-1"}, {"@SUM(A1)", "'@SUM(A1)"}, {"\tx", "'\tx"}, {"\rx", "'\rx"}, {"\n=1", "\n'=1"}, {" =1", " '=1"},
		{"\uff1d1", "'\uff1d1"}, {"\uff20x", "'\uff20x"}, {"\u00e9=1", "\u00e9=1"},
		{"x;=cmd|'/c calc'!A1", "x;'=cmd|'/c calc'!A1"}, {`x;"=1"`, `x;"'=1"`}, {"x\t-1", "x\t'-1"}, {"x\n+1", "x\n'+1"}, {";;@x;-", ";;'@x;'-"},
		{"Mozilla/5.0 (X11; Linux x86_64) a-b=c+d@e", "Mozilla/5.0 (X11; Linux x86_64) a-b=c+d@e"}, {"kubectl/v1.36 (linux/amd64)", "kubectl/v1.36 (linux/amd64)"},
	} {
		all := findings()[:1]
		all[0].Event.UserAgent = c.agent
		text := write(t, "csv", report.Options{}, all)
		table, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		got := table[1][slices.Index(table[0], "userAgent")]
		if got != strings.ReplaceAll(c.want, "\r\n", "\n") {
			t.Errorf("%q becomes %q, want %q", c.agent, got, c.want)
		}
		for _, separator := range []string{",", ";", "\t"} {
			for _, cell := range regexp.MustCompile(`[\n\r`+separator+`]`).Split(text, -1) {
				if cell = strings.TrimLeft(cell, `" `); cell != "" && strings.ContainsAny(string([]rune(cell)[:1]), "=+-@\uff1d\uff0b\uff0d\uff20") {
					t.Errorf("%q: with %q a cell is the formula %q", c.agent, separator, cell)
				}
			}
		}
	}
}

// TestTop: only the worst, whatever the format.
func TestTop(t *testing.T) {
	for _, format := range report.Formats() {
		got := write(t, format, report.Options{Top: 1}, findings())
		if !strings.Contains(got, "secrets") || strings.Contains(got, "get of /.env") || strings.Contains(got, `"requestURI":"/.env"`) {
			t.Errorf("%s:\n%s", format, got)
		}
	}
	first := strings.Split(write(t, "ndjson", report.Options{Top: 2}, findings()), "\n")
	if len(first) != 3 || !strings.Contains(first[0], `"severity":"critical"`) {
		t.Errorf("%q", first)
	}
}

// TestNarrow: no line of a table is longer than the terminal is wide, and an address
// stays whole; without a terminal nothing is cut off for it.
func TestNarrow(t *testing.T) {
	all := findings()
	for i := range all {
		all[i].Event.SourceIPs, all[i].Verdict.ThreatObject = []string{"198.51.100.199"}, "198.51.100.199"
		all[i].Verdict.What += strings.Repeat(" long", 20)
	}
	for _, width := range []int{80, 90, 100, 110, 120, 200} {
		got := write(t, "table", report.Options{Width: width}, all)
		for line := range strings.Lines(got) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("%d columns in a terminal of %d: %s", n, width, line)
			}
		}
		if strings.Count(got, "198.51.100.199") != 3 || strings.Contains(got, "category") != (width > 100) || strings.Contains(got, "risk") != (width > 80) {
			t.Errorf("in a terminal of %d columns:\n%s", width, got)
		}
	}
}

// TestMany: whoever scans the internet comes from thousands of addresses. Tables on
// a terminal and pages stay short and say how much more there is; elsewhere all is
// there, and what --top asks for is there everywhere.
func TestMany(t *testing.T) {
	var all []detect.Finding
	for i := range 1_100 {
		one := findings()[1]
		one.Verdict.ThreatObject = fmt.Sprintf("2001:db8::%x", i+1)
		all = append(all, one)
	}
	for _, test := range []struct {
		format string
		opts   report.Options
		rows   int
		says   string
	}{
		{"table", report.Options{Width: 120}, 50, "and 1050 kinds of findings more, none of them worse; --top 1100 shows all"},
		{"table", report.Options{}, 1_100, "1,100 anonymous requests"},
		{"table", report.Options{Width: 120, Top: 1_050}, 1_050, "and 50 kinds of findings more"},
		{"html", report.Options{}, 1_000, "100 kinds more, none of them worse; --top N shows more."},
		{"html", report.Options{Top: 1_100}, 1_100, "1,100 kinds, the worst first"},
		{"markdown", report.Options{}, 1_000, "and 100 kinds more; --top N shows more"},
		{"sarif", report.Options{}, 1_100, ""},
	} {
		got := write(t, test.format, test.opts, all)
		mark := map[string]string{"table": "│ web_scan_noise", "html": "<details>", "markdown": "| web_scan_noise |", "sarif": `"ruleIndex"`}[test.format]
		if rows := strings.Count(got, mark); rows != test.rows || !strings.Contains(got, test.says) {
			t.Errorf("%s, %+v: %d rows, want %d and %q", test.format, test.opts, rows, test.rows, test.says)
		}
	}
}

// TestSARIF holds the report against the schema of OASIS, which is taken from
// the module of a tool that is held against it, too.
func TestSARIF(t *testing.T) {
	out, err := exec.Command("go", "mod", "download", "-json", "github.com/securego/gosec/v2@v2.29.0").Output()
	if err != nil {
		t.Fatalf("the schema comes with the module github.com/securego/gosec/v2, which cannot be had: %v", err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(module.Dir, "report", "sarif", "testdata", "*schema*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("schemas %v, %v", files, err)
	}
	schema, err := jsonschema.NewCompiler().Compile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	valid := func(text string) error {
		instance, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(instance)
	}
	for _, all := range [][]detect.Finding{nil, findings()} {
		text := writeFrom(t, "sarif", report.Options{}, source(), all)
		if err := valid(text); err != nil {
			t.Error(err)
		}
		if valid(strings.Replace(text, `"level": "`, `"level": "very `, 1)) == nil {
			t.Error("a level that does not exist passed")
		}
	}
}

// TestHostile: what a client wrote is text, in a page, a cell and a list.
func TestHostile(t *testing.T) {
	const evil = "<script>alert(1)</script><img src=x onerror=alert(1)>`](javascript:alert(1))|www.evil.example [click](https://evil.example) {0} a@evil.example"
	all := findings()
	for i := range all {
		ev := all[i].Event
		ev.UserAgent, ev.RequestURI, ev.AuditID, ev.ObjectRef.Name, ev.ObjectRef.Resource, ev.SourceIPs = evil, "/"+evil, evil, evil, evil, []string{evil}
		policy := judge.DefaultPolicy()
		all[i].Verdict, all[i].Cluster = policy.Judge(ev), evil
	}
	from := source()
	from.Title, from.Incomplete = "www.evil.example/a.log, a@evil.example", "https://evil.example: "+evil
	page := writeFrom(t, "html", report.Options{}, from, all)
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	texts := 0
	for node := range doc.Descendants() {
		switch {
		case node.Type == html.TextNode && strings.Contains(node.Data, "<script>alert(1)</script>"):
			texts++
		case node.Type != html.ElementNode:
		case slices.Contains([]string{"script", "img", "a", "link", "iframe", "object", "form"}, node.Data):
			t.Errorf("the page has a %s", node.Data)
		}
		for _, attr := range node.Attr {
			if strings.HasPrefix(attr.Key, "on") || attr.Key == "style" || strings.Contains(attr.Val, "script:") {
				t.Errorf("the page has %s=%q", attr.Key, attr.Val)
			}
		}
	}
	if texts == 0 {
		t.Error("the page does not show what was tried")
	}
	var rendered bytes.Buffer
	md := goldmark.New(goldmark.WithExtensions(extension.GFM))
	if err := md.Convert([]byte(writeFrom(t, "markdown", report.Options{}, from, all)), &rendered); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<img", "href="} {
		if strings.Contains(rendered.String(), bad) {
			t.Errorf("markdown becomes %s:\n%s", bad, rendered.String())
		}
	}
	if !strings.Contains(rendered.String(), "<td><code>") {
		t.Errorf("no table:\n%s", rendered.String())
	}
	var log struct {
		Runs []struct {
			Results     []struct{ Message struct{ Text string } }
			Invocations []struct {
				Notes []struct{ Message struct{ Text string } } `json:"toolExecutionNotifications"`
			}
		}
	}
	if err := json.Unmarshal([]byte(writeFrom(t, "sarif", report.Options{}, from, all)), &log); err != nil {
		t.Fatal(err)
	}
	messages := 0
	for _, one := range append(log.Runs[0].Results, log.Runs[0].Invocations[0].Notes...) {
		text := one.Message.Text
		if strings.Contains(text, "click") {
			messages++
		}
		if regexp.MustCompile(`(^|[^\\])(\\\\)*[\[\]]|(^|[^{])(\{\{)*\{\d`).MatchString(text) {
			t.Errorf("SARIF has a link or an argument: %s", text)
		}
	}
	if messages == 0 {
		t.Error("SARIF does not show what was tried")
	}
}

func TestUnknownFormat(t *testing.T) {
	if _, err := report.New("xml", nil, report.Options{}); err == nil || !strings.Contains(err.Error(), "table, json, ndjson, csv") {
		t.Errorf("%v", err)
	}
}

// FuzzString holds the JSON strings against encoding/json.
func FuzzString(f *testing.F) {
	f.Add("a\x00\x7f\u0085\u2028\U0001F600\"\\\n\t\xff")
	f.Fuzz(func(t *testing.T, s string) {
		all := findings()[:1]
		all[0].Event.UserAgent = s
		var b bytes.Buffer
		w, _ := report.New("ndjson", &b, report.Options{})
		if err := w.Write(&all[0]); err != nil {
			t.Fatal(err)
		}
		var object map[string]any
		if err := json.Unmarshal(b.Bytes(), &object); err != nil {
			t.Fatal(err)
		}
		want, _ := json.Marshal(s)
		var clean string
		_ = json.Unmarshal(want, &clean)
		if got, _ := object["userAgent"].(string); got != clean {
			t.Fatalf("got %q, want %q", got, clean)
		}
	})
}

// TestUnprintable: neither what a client wrote nor the name of a file or the words
// of a server steer a terminal, hide text or end a cell, in any format for people.
func TestUnprintable(t *testing.T) {
	const evil = "x\x1b]0;PWNED\x07\x9b2J\u202egnp\u2028\U000e0041\U000e0042 \\|<img src=x onerror=alert(1)>\\\\| y"
	all := findings()
	for i := range all {
		ev := all[i].Event
		ev.UserAgent, ev.AuditID, ev.ObjectRef.Name, ev.ObjectRef.Namespace, ev.SourceIPs = evil, evil, evil, evil, []string{evil}
		policy := judge.DefaultPolicy()
		all[i].Verdict, all[i].Cluster = policy.Judge(ev), evil
	}
	from := source()
	from.Title, from.Incomplete = evil+".log", evil
	for _, format := range []string{"table", "json", "ndjson", "markdown", "html", "sarif"} {
		text := writeFrom(t, format, report.Options{}, from, all)
		for _, r := range text {
			if r != '\n' && (r != '\t' || format != "html") && !unicode.IsGraphic(r) {
				t.Errorf("%s: %q", format, r)
			}
		}
		for line := range strings.Lines(text) {
			if format == "markdown" && strings.HasPrefix(line, "|") && strings.Contains(line, `\\|`) {
				t.Errorf("markdown: a backslash before an escaped bar, which some readers take for the end of the cell: %s", line)
			}
		}
		if format == "ndjson" {
			var row map[string]any
			if err := json.Unmarshal([]byte(strings.SplitN(text, "\n", 2)[0]), &row); err != nil || !strings.Contains(fmt.Sprint(row["audit_id"]), "\U000e0041\U000e0042") {
				t.Errorf("ndjson is not verbatim: %v, %q", err, row["audit_id"])
			}
		}
	}
}

// TestAlarm: a report without findings says so only if all was read and judged.
func TestAlarm(t *testing.T) {
	for _, tc := range []struct {
		source  report.Source
		alarm   string
		success bool
	}{
		{report.Source{Events: 5}, "", true},
		{report.Source{Undecidable: 2}, "2 texts could not be judged", false},
		{report.Source{Incomplete: "1 of 1 files hold no audit events"}, "not complete", false},
	} {
		for _, format := range []string{"html", "markdown", "sarif"} {
			text := writeFrom(t, format, report.Options{}, tc.source, nil)
			if format == "sarif" {
				if got := strings.Contains(text, `"executionSuccessful": true`); got != tc.success {
					t.Errorf("%+v: executionSuccessful %v", tc.source, got)
				}
				continue
			}
			if strings.Contains(text, "No anonymous requests") != (tc.alarm == "") || !strings.Contains(text, tc.alarm) {
				t.Errorf("%s, %+v:\n%.900s", format, tc.source, text[max(0, strings.Index(text, "<body>")):])
			}
			if marked := strings.Contains(text, `class="alarm"`) || strings.Contains(text, "> **Warning:**"); marked != (tc.alarm != "") {
				t.Errorf("%s, %+v: marked as an alarm: %v", format, tc.source, marked)
			}
		}
	}
}
