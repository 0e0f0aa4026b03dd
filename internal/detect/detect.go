// Package detect turns the text of one log record into findings: it unwraps,
// decodes and judges, and it says why a text could not be judged.
package detect

import (
	"errors"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/audit/envelope"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// Reason says why a text cannot be decided: it may hide an anonymous request.
// The empty Reason is a text that was decided.
type Reason string

// The reasons.
const (
	Decided Reason = ""
	Cut     Reason = "cut before the identity"
	Limit   Reason = "too deep or too large to unwrap"
	Dialect Reason = "names anonymous, but is another kind of record (a Falco alert, Rancher's API audit log or OCSF)"
	NoEvent Reason = "names anonymous, but no audit event parses out of it"
)

// Reasons lists the reasons in the order in which they are reported.
func Reasons() []Reason { return []Reason{Cut, Limit, Dialect, NoEvent} }

// Detector judges texts under one policy. It is not safe for concurrent use:
// each goroutine has its own.
type Detector struct {
	policy    judge.Policy
	all       bool // events that are not hits are findings too
	skippable bool // some texts need no parsing: see CanSkip
	unwrapper envelope.Unwrapper
}

// New returns a Detector for a policy. With all, events that are not hits are
// findings too.
func New(policy judge.Policy, all bool) *Detector {
	// Events of these classes need not name anonymous anywhere, so that every
	// text has to be parsed.
	wide := policy.Includes(judge.Rejected401) || policy.Includes(judge.AnonymousAccessGranted) || policy.Includes(judge.EveryoneAuthenticated)
	d := &Detector{policy: policy, all: all, skippable: !all && !wide}
	d.unwrapper.Objects = policy.Includes(judge.AnonymousAccessGranted)
	return d
}

// CanSkip reports whether a text needs no parsing: nothing in it can become a
// finding, and it is decided. With doubled, text is the inside of a quoted CSV
// cell, its quotes still doubled.
func (d *Detector) CanSkip(text []byte, doubled bool) bool {
	return d.skippable && audit.Dull(text, doubled)
}

// CanSkipNameless is CanSkip for a text that is known to be no candidate.
func (d *Detector) CanSkipNameless(text []byte) bool {
	return d.skippable && audit.Whole(text, false)
}

// Text judges a text and calls emit for each finding in it, which is valid
// until emit returns. events counts the events of the text, findings or not.
func (d *Detector) Text(text []byte, emit func(*Finding)) (events int, reason Reason) {
	err := d.unwrapper.Unwrap(text, func(found envelope.Found) {
		events++
		f := Finding{Event: found.Event, Format: found.Format, Cluster: found.Cluster}
		if d.Event(&f) {
			emit(&f)
		}
	})
	switch {
	case err == nil:
		return events, Decided
	case audit.Dull(text, false):
		// Whatever is wrong with it, it names nobody. CanSkip says the same.
		return events, Decided
	case errors.Is(err, audit.ErrCut):
		return events, Cut
	case errors.Is(err, envelope.ErrLimit):
		return events, Limit
	case events > 0 || !audit.Candidate(text):
		return events, Decided
	case errors.Is(err, envelope.ErrDialect):
		return 0, Dialect
	}
	return 0, NoEvent
}

// Event judges the event of f and reports whether it is a finding.
func (d *Detector) Event(f *Finding) bool {
	f.Verdict = d.policy.Judge(f.Event)
	return d.all || f.Verdict.Hit
}
