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

// Annotator judges texts under one policy. It is not safe for concurrent use.
type Annotator struct {
	Policy judge.Policy
	All    bool // events that are no hits are findings too

	unwrapper envelope.Unwrapper
}

// Skip reports whether text can be passed over unparsed: nothing in it can
// become a finding, and it is decided. With doubled, text is the inside of a
// quoted CSV cell, as it stands.
func (a *Annotator) Skip(text []byte, doubled bool) bool {
	return a.Skips() && audit.Dull(text, doubled)
}

// SkipNameless is Skip for a text that is known to be no candidate.
func (a *Annotator) SkipNameless(text []byte) bool { return a.Skips() && audit.Whole(text, false) }

// Skips reports whether there is anything to be passed over: not with All, and
// not with a class that needs every text parsed.
func (a *Annotator) Skips() bool { return !a.All && !a.wide() }

// wide reports whether classes are included that need not name anonymous
// anywhere, so that every text has to be parsed.
func (a *Annotator) wide() bool {
	return a.Policy.Includes(judge.Rejected401) || a.Policy.Includes(judge.AnonymousAccessGranted) || a.Policy.Includes(judge.EveryoneAuthenticated)
}

// Text judges a text and calls emit for each finding in it, which is valid
// until emit returns. events counts the events of the text, findings or not.
func (a *Annotator) Text(text []byte, emit func(*Finding)) (events int, reason Reason) {
	a.unwrapper.Objects = a.Policy.Includes(judge.AnonymousAccessGranted)
	err := a.unwrapper.Unwrap(text, func(found envelope.Found) {
		events++
		f := Finding{Event: found.Event, Format: found.Format, Cluster: found.Cluster}
		if a.Event(&f) {
			emit(&f)
		}
	})
	switch {
	case err == nil:
		return events, Decided
	case audit.Dull(text, false):
		// Whatever is wrong with it, it names nobody. Skip says the same.
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
func (a *Annotator) Event(f *Finding) bool {
	f.Verdict = a.Policy.Judge(f.Event)
	return a.All || f.Verdict.Hit
}
