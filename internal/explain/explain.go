// Package explain says why a finding is what it is, in words.
package explain

import (
	"fmt"
	"io"
	"strings"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/judge/peers"
)

// Explanation is the judgement of one event with its reasons. The JSON form is
// for programs.
type Explanation struct {
	AuditID      string   `json:"audit_id,omitempty"`
	Stage        string   `json:"stage,omitempty"`
	Format       string   `json:"format"`
	Cluster      string   `json:"cluster,omitempty"`
	Class        string   `json:"anonymous_class"`
	ClassProof   string   `json:"class_proof"`
	Outcome      string   `json:"outcome"`
	OutcomeProof string   `json:"outcome_proof"`
	Hit          bool     `json:"hit"`
	Category     string   `json:"category,omitempty"`
	Why          string   `json:"why,omitempty"`
	Impact       int      `json:"impact,omitempty"`
	Confidence   int      `json:"confidence,omitempty"`
	Score        int      `json:"risk_score,omitempty"`
	Severity     string   `json:"severity,omitempty"`
	Factors      []string `json:"risk_factors,omitempty"`
	ATTACK       []string `json:"mitre_attack_id,omitempty"`
	Message      string   `json:"risk_message,omitempty"`
	Binding      string   `json:"binding,omitempty"`
	Remediation  string   `json:"remediation,omitempty"`
	Partial      bool     `json:"partial,omitempty"`
	Tampered     bool     `json:"tampered,omitempty"`
	XFFSuspect   bool     `json:"xff_suspect,omitempty"`
	Peers        []Peer   `json:"peers"`
}

// Peer is what another product's rule would have done.
type Peer struct {
	Rule      string `json:"rule"`
	Fires     bool   `json:"fires"`
	Condition string `json:"condition"`
	Source    string `json:"source"`
	Date      string `json:"date"`
}

// Explain explains a finding, a hit or not. It keeps nothing of it but
// strings.
func Explain(f *detect.Finding) Explanation {
	ev, v := f.Event, &f.Verdict
	e := Explanation{
		AuditID: judge.Clean(ev.AuditID), Stage: judge.Clean(ev.Stage), Format: f.Format, Cluster: judge.Clean(f.Cluster),
		Class: string(v.Class), ClassProof: judge.ProveClass(ev, v.Class), Outcome: string(v.Outcome), OutcomeProof: judge.ProveOutcome(ev), Hit: v.Hit,
		Partial: ev.Partial, Tampered: ev.Tampered, XFFSuspect: v.XFFSuspect,
	}
	if b := v.Binding; b.Name != "" {
		e.Binding = judge.Clean(fmt.Sprintf("%s %s > %s %s, to %s", b.Kind, b.Name, b.RoleKind, b.Role, b.Subject))
	}
	if v.Category != nil {
		e.Category, e.Why, e.Impact, e.Confidence, e.Score = v.Category.Name, v.Category.Why, v.Impact, v.Confidence, v.Score
		e.Severity, e.Factors, e.ATTACK, e.Message, e.Remediation = string(v.Severity), v.Factors, v.Category.ATTACK, v.Message, v.Remediation
	}
	for _, r := range peers.Rules {
		e.Peers = append(e.Peers, Peer{Rule: r.Name, Fires: r.Fires(ev), Condition: r.Condition, Source: r.Source, Date: r.Date})
	}
	return e
}

// WriteText writes the explanation for a person.
func (e *Explanation) WriteText(w io.Writer) error {
	var b strings.Builder
	line := func(name, value, proof string) {
		if proof != "" {
			proof = "  because " + proof
		}
		fmt.Fprintf(&b, "%-12s %s%s\n", name, value, proof)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, "%s\n\n", e.Message)
	}
	line("event", strings.TrimSpace(e.AuditID+" "+e.Stage)+" ("+e.Format+")", "")
	if e.Cluster != "" {
		line("cluster", e.Cluster, "")
	}
	line("class", e.Class, e.ClassProof)
	line("outcome", e.Outcome, e.OutcomeProof)
	if e.Hit {
		line("category", e.Category, "")
		line("", e.Why, "")
		line("risk", fmt.Sprintf("%d (%s) = impact %d x confidence %d / 100", e.Score, e.Severity, e.Impact, e.Confidence), "")
		for _, f := range e.Factors {
			line("", f, "")
		}
		if len(e.ATTACK) > 0 {
			line("ATT&CK", strings.Join(e.ATTACK, ", "), "")
		}
	} else {
		line("row", "none: this class is no hit", "")
	}
	if e.Binding != "" {
		line("binding", e.Binding, "")
	}
	if e.Partial {
		line("partial", "the text ends before the event does; what stands behind the cut is not known", "")
	}
	if e.Tampered {
		line("tampered", "a key stands twice or in another letter case", "")
	}
	if e.XFFSuspect {
		line("addresses", "the chain begins in a private network and ends in public: a forged X-Forwarded-For", "")
	}
	if e.Remediation != "" {
		line("close it", e.Remediation, "")
	}
	b.WriteString("\nOther rules on this event, and what each asks for\n")
	for _, p := range e.Peers {
		verdict := "silent"
		if p.Fires {
			verdict = "fires"
		}
		fmt.Fprintf(&b, "  %-12s %-7s %s\n", p.Rule, verdict, p.Condition)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
