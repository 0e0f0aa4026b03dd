package detect_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/testing/corpus"
)

// judged is a recorded event and what was judged of it; nil if it gave no row.
type judged struct {
	corpus.Event
	request corpus.Request
	verdict *judge.Verdict
}

func judgeReal(t *testing.T, policy judge.Policy) (all []judged) {
	t.Helper()
	ledger := corpus.Ledger(t)
	d := detect.New(policy, false)
	for _, e := range corpus.Events(t) {
		j := judged{Event: e, request: ledger[e.AuditID]}
		if !d.CanSkip([]byte(e.Raw), false) {
			if _, reason := d.Text([]byte(e.Raw), func(f *detect.Finding) {
				v := f.Verdict
				j.verdict = &v
			}); reason != detect.Decided {
				t.Errorf("%s: %s", e.AuditID, reason)
			}
		}
		all = append(all, j)
	}
	return all
}

// TestRealBreaches: whatever anonymous was let in to do that harms is high or
// critical.
func TestRealBreaches(t *testing.T) {
	n := 0
	for _, j := range judgeReal(t, judge.DefaultPolicy()) {
		if j.request.Phase != "abuse" || j.User.Username != "system:anonymous" || j.Annotations["authorization.k8s.io/decision"] != "allow" {
			continue
		}
		ref := j.ObjectRef
		write := ref.Resource != "" && !slices.Contains([]string{"get", "list", "watch"}, j.Verb)
		harms := ref.Resource == "secrets" || write || slices.Contains([]string{"exec", "attach", "portforward", "proxy"}, ref.Subresource)
		if !harms {
			continue
		}
		n++
		if j.verdict == nil || j.verdict.Severity != judge.High && j.verdict.Severity != judge.Critical {
			t.Errorf("%s %s: %+v", j.Verb, j.RequestURI, j.verdict)
		}
	}
	t.Logf("%d events of harm", n)
	if n < 50 {
		t.Errorf("only %d", n)
	}
}

// TestRealNoise: an allowed request for health, version or cluster-info is
// never above low, unless the server wrote that another binding than the
// default one let it in.
func TestRealNoise(t *testing.T) {
	harmless, exposed := 0, 0
	for _, j := range judgeReal(t, judge.DefaultPolicy()) {
		path, _, _ := strings.Cut(j.RequestURI, "?")
		if j.verdict == nil || j.Annotations["authorization.k8s.io/decision"] != "allow" ||
			!slices.Contains([]string{"/livez", "/readyz", "/healthz", "/version", "/version/", "/api/v1/namespaces/kube-public/configmaps/cluster-info"}, path) {
			continue
		}
		reason := j.Annotations["authorization.k8s.io/reason"]
		if !strings.Contains(reason, `"system:public-info-viewer"`) && !strings.Contains(reason, "kubeadm:bootstrap-signer-clusterinfo") {
			exposed++
			if j.verdict.Score < 25 {
				t.Errorf("%s: let in by %s, but %d", path, reason, j.verdict.Score)
			}
			continue
		}
		harmless++
		if j.verdict.Score >= 25 {
			t.Errorf("%s by %s: %s %v", path, j.User.Username, j.verdict.Severity, j.verdict.Factors)
		}
	}
	t.Logf("%d harmless, %d let in by another binding", harmless, exposed)
	if harmless < 40 {
		t.Errorf("only %d", harmless)
	}
}

// TestRealPrecursors: every request of the ledger that made a binding to
// anonymous is found on demand, and no other one. (What kubectl reads before it
// applies is none, and a request that was refused by the authorizer is logged
// without its body.)
func TestRealPrecursors(t *testing.T) {
	policy := judge.DefaultPolicy()
	policy.Include = []judge.Class{judge.AnonymousAccessGranted}
	want, got := map[string]string{}, map[string]bool{}
	for id, r := range corpus.Ledger(t) {
		if strings.HasPrefix(r.Tag, "PRECURSOR") && r.Method != "GET" && r.Status < 300 {
			want[id] = r.Tag
		}
	}
	for _, j := range judgeReal(t, policy) {
		if j.verdict == nil || j.verdict.Class != judge.AnonymousAccessGranted {
			continue
		}
		got[j.AuditID] = true
		if want[j.AuditID] == "" {
			t.Errorf("%s %s (%s) is no precursor: %s", j.Verb, j.RequestURI, j.request.Tag, j.verdict.Message)
		}
	}
	for id, tag := range want {
		if !got[id] {
			t.Errorf("missed: %s %s", tag, id)
		}
	}
	t.Logf("%d precursors", len(got))
}
