package command_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/scan"
	"github.com/kubeanon/kubeanon/internal/splunk/splunkd"
	"github.com/kubeanon/kubeanon/internal/testing/corpus"
)

// wrappers put an event into the forms in which shippers hand it on.
var wrappers = map[string]func(event string) string{
	"audit":   func(e string) string { return e },
	"array":   func(e string) string { return "[" + e + "]" },
	"string":  func(e string) string { return object(e) },
	"cri":     func(e string) string { return "2026-11-20T08:15:30.1Z stdout F " + e },
	"syslog":  func(e string) string { return "<134>Nov 20 08:15:30 cp-1 audit: " + e },
	"docker":  func(e string) string { return object(map[string]any{"log": e + "\n", "stream": "stdout"}) },
	"hec":     func(e string) string { return object(map[string]any{"time": 1, "event": e}) },
	"hec obj": func(e string) string { return `{"time":1,"event":` + e + `}` },
	"otel":    func(e string) string { return object(map[string]any{"body": e}) },
	"aks": func(e string) string {
		return object(map[string]any{"category": "kube-audit", "properties": map[string]any{"log": e + "\n"}})
	},
	"eventhub": func(e string) string {
		return object(map[string]any{"records": []any{map[string]any{"properties": map[string]any{"log": e}}}})
	},
	"cloudwatch": func(e string) string {
		return object(map[string]any{"messageType": "DATA_MESSAGE", "logEvents": []any{map[string]any{"message": e}}})
	},
	"lambda": func(e string) string {
		return `{"awslogs":{"data":"` + packed(object(map[string]any{"logEvents": []any{map[string]any{"message": e}}})) + `"}}`
	},
	"sns": func(e string) string {
		return object(map[string]any{"Message": object(map[string]any{"logEvents": []any{map[string]any{"message": e}}})})
	},
	"pubsub": func(e string) string {
		return `{"message":{"data":"` + base64.StdEncoding.EncodeToString([]byte(e)) + `"}}`
	},
	"eventlist": func(e string) string {
		return `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[` + strings.Replace(e, `"kind":"Event","apiVersion":"audit.k8s.io/v1",`, "", 1) + `]}`
	},
	"s3export": func(e string) string { return "2026-11-20T08:15:30.123Z " + e },
	"kinesis": func(e string) string {
		return `{"kinesis":{"partitionKey":"1","data":"` + base64.StdEncoding.EncodeToString([]byte(e)) + `"}}`
	},
	"splunk":  func(e string) string { return object(map[string]any{"result": map[string]any{"_raw": e}}) },
	"message": func(e string) string { return object(map[string]any{"message": e, "stream": "stdout"}) },
	"wrapped": func(e string) string { return object(map[string]any{"MESSAGE": map[string]any{"x": []any{e}}}) },
	"csv":     func(e string) string { return `2026,"` + strings.ReplaceAll(e, `"`, `""`) + `",x` },
	"escaped": func(e string) string { // every letter of the names that JSON lets a shipper escape
		return strings.NewReplacer("system:anonymous", `\u0073ystem\u003aanonymous`, "system:unauthenticated", `\u0073ystem:unaut\u0068enticated`).Replace(e)
	},
}

// unlike are the formats of package envelope that cannot carry any event
// unchanged, and why.
var unlike = map[string]string{
	"gke": "it is translated", "aksaudit": "it is translated", "openshift": "its level is another",
	"falco": "it is no event", "rancher": "it is no event", "ocsf": "it is no event", "guardduty": "it is no event",
	"nested": "the folder of wrappers in wrappers",
}

// TestWrappersAreAll: a format that was added is judged here, too.
func TestWrappersAreAll(t *testing.T) {
	folders, err := filepath.Glob("../audit/envelope/testdata/*/want.golden")
	if err != nil || len(folders) == 0 {
		t.Fatal(folders, err)
	}
	for _, folder := range folders {
		name := filepath.Base(filepath.Dir(folder))
		if wrappers[name] == nil && unlike[name] == "" {
			t.Errorf("the format %s needs a line in wrappers, or a reason in unlike", name)
		}
	}
}

// object is JSON without the escapes of < > &, which other shippers do not
// write either.
func object(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func packed(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(text))
	w.Close()
	return base64.StdEncoding.EncodeToString(b.Bytes())
}

// TestOneJudgement: the same event gives the same judgement, whatever it is
// wrapped in, whether it comes as text or as columns, through the search
// command or a scan, and with the candidate search on or off.
func TestOneJudgement(t *testing.T) {
	var events []corpus.Event
	for i, e := range corpus.Events(t) {
		if e.User.Username == "system:anonymous" && i%4 == 0 || i%50 == 0 {
			if len(e.Raw) < 100_000 {
				events = append(events, e)
			}
		}
	}
	want, _ := run(t, "input=raw", rawColumns, raw(events), 1000)
	if len(want) < 100 {
		t.Fatalf("only %d hits", len(want))
	}
	same := func(t *testing.T, name string, got []splunkd.Row) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: %d rows, want %d", name, len(got), len(want))
		}
		for i := range want {
			for _, field := range detect.Fields {
				if field.Name == "format" || field.Name == "cluster" {
					continue
				}
				if diff := cmp.Diff(want[i][field.Name], got[i][field.Name]); diff != "" {
					t.Fatalf("%s: row %d, %s\n%s", name, i, field.Name, diff)
				}
			}
		}
	}
	hits := func(rows []splunkd.Row) (hits []splunkd.Row) {
		for _, row := range rows {
			if strings.HasPrefix(row["anonymous_class"][0], "anonymous") || row["anonymous_class"][0] == "unauthenticated_group_only" {
				hits = append(hits, row)
			}
		}
		return hits
	}
	same(t, "columns", first(run(t, "input=columns", extractedColumns, extracted(events), 100)))
	for name, wrap := range wrappers {
		t.Run(name, func(t *testing.T) {
			var input []splunkd.Row
			var lines strings.Builder
			for _, e := range events {
				text := wrap(e.Raw)
				input = append(input, splunkd.Row{"_raw": {text}})
				lines.WriteString(text + "\n")
			}
			got, said := run(t, "input=raw", []string{"_raw"}, input, 100)
			if len(said) > 0 {
				t.Errorf("undecidable: %v", said)
			}
			same(t, "search", got)
			all, said := run(t, "input=raw emit=all", []string{"_raw"}, input, 100)
			if len(said) > 0 {
				t.Errorf("undecidable: %v", said)
			}
			same(t, "search without skipping", hits(all))
			var scanned []splunkd.Row
			s := scan.New(scan.Config{
				Policy: judge.DefaultPolicy(),
				Stdin:  strings.NewReader(lines.String()),
				Sink:   (*scannedRows)(&scanned),
			})
			if seen, err := s.Run(context.Background(), []string{"-"}); err != nil || seen.Stats.Undecidable > 0 {
				t.Errorf("%v, %+v", err, seen.Stats)
			}
			same(t, "scan", scanned)
		})
	}
}

func first(rows []splunkd.Row, _ []string) []splunkd.Row { return rows }

// scannedRows keeps the findings of a scan as rows.
type scannedRows []splunkd.Row

func (*scannedRows) Drops(*detect.Finding) bool { return false }
func (r *scannedRows) Add(f *detect.Finding)    { *r = append(*r, asRow(f)) }

// asRow writes a finding as the search command does.
func asRow(f *detect.Finding) splunkd.Row {
	row := splunkd.Row{}
	for i := range detect.Fields {
		field := &detect.Fields[i]
		var values []string
		if field.Kind == detect.List {
			values = field.List(f)
		} else if text := field.Text(f); text != "" {
			values = []string{text}
		}
		if len(values) == 0 && field.Original {
			values = []string{"0"}
		}
		for _, v := range values {
			row[field.Name] = append(row[field.Name], strings.ReplaceAll(strings.ToValidUTF8(v, "\ufffd"), "\x00", "\ufffd"))
		}
	}
	return row
}
