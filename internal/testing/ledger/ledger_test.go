package ledger_test

import (
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeanon/kubeanon/internal/cli"
	"github.com/kubeanon/kubeanon/internal/testing/corpus"
	"github.com/kubeanon/kubeanon/internal/testing/ledger"
)

// TestCaptured holds scan against the ledgers of the end-to-end tests: what a real
// API server logged, and what had been sent to it. ./build.sh e2e makes them anew.
func TestCaptured(t *testing.T) {
	for _, version := range []string{"1.35", "1.37"} {
		base := filepath.Join(corpus.Dir(), "audit", "kube-apiserver-"+version)
		packed, err := os.Open(base + ".ledger.ndjson.gz")
		if err != nil {
			t.Fatal(err)
		}
		defer packed.Close()
		text, err := gzip.NewReader(packed)
		if err != nil {
			t.Fatal(err)
		}
		requests, err := ledger.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		if d := ledger.Compare(requests, scan(t, base+".ndjson.gz")); !d.Exact() || d.Expected < 300 {
			t.Errorf("%s: %s\n%s", version, d.String(), strings.Join(append(append(d.Missed, d.Extra...), d.Wrong...), "\n"))
		}
	}
}

func scan(t *testing.T, log string) []ledger.Found {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	args := []string{"kubeanon", "scan", "--include", "rejected_401,impersonated_anonymous,anonymous_access_granted", "--format", "ndjson", log}
	if code := cli.Main(args, os.Stdin, out, os.Stderr); code != 1 {
		t.Fatalf("scan ends with %d", code)
	}
	if _, err := out.Seek(0, 0); err != nil {
		t.Fatal(err)
	}
	found, err := ledger.ReadFound(out)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestCompare: every difference is one, and named.
func TestCompare(t *testing.T) {
	hit := func(stage, outcome string) ledger.Hit {
		return ledger.Hit{Stage: stage, Class: "anonymous", Outcome: outcome, Category: "c"}
	}
	found := func(id, stage, outcome string) ledger.Found {
		return ledger.Found{AuditID: id, Stage: stage, Class: "anonymous", Outcome: outcome, Category: "c"}
	}
	requests := []ledger.Request{
		{AuditID: "a", Hits: []ledger.Hit{hit("RequestReceived", "unknown"), hit("ResponseComplete", "denied")}},
		{AuditID: "twin", Hits: []ledger.Hit{hit("ResponseComplete", "denied")}},
		{AuditID: "twin", Hits: []ledger.Hit{hit("ResponseComplete", "allowed")}},
		{Kind: "before the audit"},
	}
	all := []ledger.Found{
		found("twin", "ResponseComplete", "allowed"), found("a", "ResponseComplete", "denied"),
		found("a", "RequestReceived", "unknown"), found("twin", "ResponseComplete", "denied"),
	}
	for name, tt := range map[string]struct {
		found                []ledger.Found
		missed, extra, wrong int
	}{
		"exact":                    {all, 0, 0, 0},
		"nothing":                  {nil, 4, 0, 0},
		"one missed":               {all[1:], 1, 0, 0},
		"one twice":                {append(all[:4:4], all[0]), 0, 1, 0},
		"one of nobody":            {append(all[:4:4], found("x", "ResponseComplete", "denied")), 0, 1, 0},
		"judged wrong":             {append(all[1:4:4], found("twin", "ResponseComplete", "unknown")), 0, 0, 1},
		"another stage":            {append(all[1:4:4], found("twin", "ResponseStarted", "allowed")), 1, 1, 0},
		"twice, one of them wrong": {append(all[:4:4], found("a", "ResponseComplete", "allowed")), 0, 1, 0},
	} {
		d := ledger.Compare(requests, tt.found)
		got := []int{len(d.Missed), len(d.Extra), len(d.Wrong)}
		if diff := cmp.Diff([]int{tt.missed, tt.extra, tt.wrong}, got); diff != "" || d.Exact() != (name == "exact") || d.Expected != 4 || d.Requests != 4 {
			t.Errorf("%s: %s\n%s", name, d.String(), diff)
		}
	}
}

// TestRead: what was written is read again, and what is no ledger is refused.
func TestRead(t *testing.T) {
	want := []ledger.Request{{Phase: "p", Kind: "k", Actor: "nobody", Method: "GET", Path: "/x", Status: 403, AuditID: "a", Hits: []ledger.Hit{{Stage: "s", Class: "c"}}}}
	var text strings.Builder
	if err := ledger.Write(&text, want); err != nil {
		t.Fatal(err)
	}
	got, err := ledger.Read(strings.NewReader(text.String() + "\n"))
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if _, err := ledger.Read(strings.NewReader("{}\nno ledger\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Error(err)
	}
}
