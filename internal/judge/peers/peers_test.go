package peers_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/detect/cases"
	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/judge/peers"
	"github.com/kubeanon/kubeanon/internal/testing/corpus"
)

// kinds are what an event of the comparison is, by its expectation.
const (
	attack    = "attack, let in"
	benign    = "benign, let in"
	other     = "other anonymous"
	lookalike = "look-alike"
)

// count is, for each rule and kind, how many events it fires on.
type count map[string]map[string]int

func (c count) add(rule, kind string) {
	if c[rule] == nil {
		c[rule] = map[string]int{}
	}
	c[rule][kind]++
}

// table prints a count as README.md shows it.
func (c count) table(title string) string {
	kinds := []string{attack, benign, other, lookalike}
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n| rule |", title)
	for _, kind := range kinds {
		fmt.Fprintf(&b, " %s (%d) |", kind, c["all"][kind])
	}
	names := []string{"kubeanon"}
	for _, r := range peers.Rules {
		names = append(names, r.Name)
	}
	for _, name := range names {
		fmt.Fprintf(&b, "\n| %s |", name)
		for _, kind := range kinds {
			fmt.Fprintf(&b, " %d |", c[name][kind])
		}
	}
	return b.String()
}

// weigh counts one event. Ours fires at medium and above; that a harmless
// request has a row at all is no alarm.
func (c count) weigh(f *detect.Finding, kind string) {
	c.add("all", kind)
	if f.Verdict.Hit && f.Verdict.Score >= 25 {
		c.add("kubeanon", kind)
	}
	for _, r := range peers.Rules {
		if r.Fires(f.Event) {
			c.add(r.Name, kind)
		}
	}
}

// TestComparison prints how the rules of the peers and ours do on the committed
// cases that are plain events, and on the recorded events, and holds ours: all
// attacks, no benign request, no look-alike.
func TestComparison(t *testing.T) {
	all, err := cases.Load(cases.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	synthetic := count{}
	for _, c := range all {
		if c.Format != "audit.log" || c.Unknown {
			continue // the peers read plain events
		}
		d := detect.New(judge.DefaultPolicy(), true)
		d.Text(c.Text, func(f *detect.Finding) {
			kind := lookalike
			if len(c.Rows) > 0 {
				kind = kindOf(f)
			}
			synthetic.weigh(f, kind)
		})
	}
	t.Log(synthetic.table("Committed cases that are plain events"))
	real := count{}
	d := detect.New(judge.DefaultPolicy(), true)
	for _, e := range corpus.Events(t) {
		d.Text([]byte(e.Raw), func(f *detect.Finding) {
			// Of the others only what mentions anonymous looks alike.
			switch {
			case f.Verdict.Hit:
				real.weigh(f, kindOf(f))
			case strings.Contains(e.Raw, "system:anonymous") || strings.Contains(e.Raw, "system:unauthenticated") || f.Verdict.Class == judge.Rejected401:
				real.weigh(f, lookalike)
			}
		})
	}
	t.Log(real.table("Recorded events of a kube-apiserver"))
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]count{"cases": synthetic, "recorded": real} {
		for line := range strings.SplitSeq(c.table(""), "\n") {
			if !strings.Contains(string(readme), line) {
				t.Errorf("README.md does not hold %q", line)
			}
		}
		if c["kubeanon"][attack] != c["all"][attack] || c["kubeanon"][benign] != 0 || c["kubeanon"][lookalike] != 0 {
			t.Errorf("%s: %v of %v", name, c["kubeanon"], c["all"])
		}
		if c["all"][attack] < 10 || c["all"][benign] < 5 || c["all"][lookalike] < 5 {
			t.Errorf("%s: too few to compare: %v", name, c["all"])
		}
	}
}

// kindOf tells an attack from a harmless request by what was asked for and
// granted, not by our score: reads of resources, writes and API discovery that
// were let in are attacks.
func kindOf(f *detect.Finding) string {
	if f.Verdict.Outcome != judge.Allowed {
		return other
	}
	switch path, _, _ := strings.Cut(f.Event.RequestURI, "?"); {
	case f.Event.ObjectRef.Resource == "configmaps" && f.Event.ObjectRef.Name == "cluster-info" && strings.Contains(f.Event.Annotations.Reason, "kubeadm"):
		return benign
	case f.Event.ObjectRef.Resource != "":
		return attack
	case f.Verdict.Binding.Name != "" && !strings.HasPrefix(f.Verdict.Binding.Name, "system:") && !strings.HasPrefix(path, "/.well-known/"):
		return attack
	case path == "/livez" || path == "/readyz" || path == "/healthz" || strings.HasPrefix(path, "/version") || strings.HasPrefix(path, "/.well-known/") || strings.HasPrefix(path, "/openid/"):
		return benign
	}
	return attack
}

// TestRules: each rule says where it comes from.
func TestRules(t *testing.T) {
	for _, r := range peers.Rules {
		if r.Name == "" || r.Source == "" || len(r.Date) != len("2026-01-01") || r.Condition == "" {
			t.Errorf("%+v", r)
		}
	}
}
