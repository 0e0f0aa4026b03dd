package annotate_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeanon/kubeanon/internal/annotate"
	"github.com/kubeanon/kubeanon/internal/finding"
	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/realevents"
)

// testCase is a line of testdata/cases/events.ndjson with its expectation.
type testCase struct {
	ID, Format, Raw string
	RawB64          string `json:"raw_b64"`

	Anonymous any // true, false or "unknown"
	Rows      []row
	Why       string
}

// row is what is to come out.
type row struct {
	Class      string   `json:"auth_class"`
	User       string   `json:"user"`
	SrcIP      string   `json:"src_ip"`
	Chain      []string `json:"src_ip_chain"`
	Outcome    string   `json:"outcome"`
	Verb       string   `json:"verb"`
	Resource   string   `json:"resource"`
	Sub        string   `json:"subresource"`
	Category   string   `json:"category"`
	Impact     int      `json:"impact"`
	Confidence int      `json:"confidence"`
	Score      int      `json:"risk_score"`
	Severity   string   `json:"severity"`
	ATTACK     []string `json:"mitre_attack_id"`
	Partial    bool     `json:"partial"`
	Tampered   bool     `json:"tampered"`
}

func (c *testCase) text(t testing.TB) []byte {
	if c.RawB64 == "" {
		return []byte(c.Raw)
	}
	text, err := base64.StdEncoding.DecodeString(c.RawB64)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func cases(t testing.TB) (all []testCase) {
	t.Helper()
	byID := map[string]*testCase{}
	for _, name := range []string{"events", "expectations"} {
		f, err := os.Open(filepath.Join(realevents.Dir(), "cases", name+".ndjson"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var c testCase
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				t.Fatal(err)
			}
			if name == "events" {
				all = append(all, c)
				continue
			}
			byID[c.ID] = &c
		}
	}
	for i := range all {
		want := byID[all[i].ID]
		if want == nil {
			t.Fatalf("%s: no expectation", all[i].ID)
		}
		all[i].Anonymous, all[i].Rows, all[i].Why = want.Anonymous, want.Rows, want.Why
	}
	return all
}

// rows judges a text, with the candidate search or without.
func rows(text []byte, search bool) (got []row, reason annotate.Reason) {
	a := annotate.Annotator{Policy: judge.DefaultPolicy()}
	if search && a.Skip(text, false) {
		return nil, annotate.Decided
	}
	_, reason = a.Text(text, func(f *finding.Finding) {
		ev, v := f.Event, &f.Verdict
		got = append(got, row{
			Class: string(v.Class), User: ev.User.Username, SrcIP: strings.Join(v.SrcIPs, ","), Chain: append([]string{}, ev.SourceIPs...),
			Outcome: string(v.Outcome), Verb: ev.Verb, Resource: ev.ObjectRef.Resource, Sub: ev.ObjectRef.Subresource,
			Category: v.Category.Name, Impact: v.Impact, Confidence: v.Confidence, Score: v.Score, Severity: string(v.Severity),
			ATTACK: append([]string{}, v.Category.ATTACK...), Partial: ev.Partial, Tampered: ev.Tampered,
		})
	})
	return got, reason
}

// TestCases holds every case against its expectation, and prints what differs.
func TestCases(t *testing.T) {
	var differ []string
	for _, c := range cases(t) {
		for _, search := range []bool{true, false} {
			got, reason := rows(c.text(t), search)
			if diff := cmp.Diff(c.Rows, got, cmp.Transformer("list", func(l []row) string {
				text := ""
				for _, r := range l {
					text += fmt.Sprintf("%+v\n", r)
				}
				return text
			})); diff != "" {
				differ = append(differ, fmt.Sprintf("%-4s %-30s %s\n%s", c.ID, c.Format, c.Why, diff))
			}
			if unknown := c.Anonymous == "unknown"; unknown && reason != annotate.Cut {
				differ = append(differ, fmt.Sprintf("%-4s %-30s reason %q, want %q", c.ID, c.Format, reason, annotate.Cut))
			}
		}
	}
	if n := len(cases(t)); n != 96 {
		t.Errorf("%d cases", n)
	}
	if len(differ) > 0 {
		t.Errorf("%d differ:\n%s", len(differ), strings.Join(differ, "\n"))
	}
}
