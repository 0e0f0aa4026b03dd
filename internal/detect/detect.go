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
	Decided  Reason = ""
	Cut      Reason = "cut before the identity"
	Limit    Reason = "too deep or too large to unwrap"
	Packed   Reason = "packed text that cannot be unpacked"
	Identity Reason = "names anonymous, but the identity of its audit event cannot be read"
	Dialect  Reason = "names anonymous, but is another kind of record (a Falco alert, a GuardDuty finding, Rancher's API audit log or OCSF)"
	Body     Reason = "writes a binding, but the body that says to whom was cut"
	NoEvent  Reason = "names anonymous, but no audit event parses out of it"
)

// Reasons lists the reasons in the order in which they are reported.
func Reasons() []Reason { return []Reason{Cut, Limit, Packed, Identity, Dialect, Body, NoEvent} }

// Detector judges texts under one policy. It is not safe for concurrent use:
// each goroutine has its own.
type Detector struct {
	// Cluster is the name of the cluster for events whose input names none.
	Cluster string

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
	unread, hidden := false, false
	err := d.unwrapper.Unwrap(text, func(found envelope.Found) {
		events++
		f := Finding{Event: found.Event, Format: found.Format, Cluster: found.Cluster}
		if f.Cluster == "" {
			f.Cluster = d.Cluster
		}
		if d.Event(&f) {
			emit(&f)
		}
		unread = unread || f.Verdict.Class == judge.Unknown && audit.Candidate(found.Text)
		hidden = hidden || f.Verdict.HiddenGrant
	})
	switch {
	case err == nil && unread:
		return events, Identity
	case hidden:
		return events, Body
	case err == nil:
		return events, Decided
	case audit.Dull(text, false):
		// Whatever is wrong with it, it names nobody. CanSkip says the same.
		return events, Decided
	case errors.Is(err, audit.ErrCut):
		return events, Cut
	case errors.Is(err, envelope.ErrLimit):
		return events, Limit
	case errors.Is(err, envelope.ErrPacked):
		return events, Packed
	case unread:
		return events, Identity
	case errors.Is(err, envelope.ErrUnread):
		return events, NoEvent
	case errors.Is(err, envelope.ErrDialect) && audit.Candidate(text):
		return events, Dialect
	}
	return events, Decided // nothing in it names anonymous
}

// Event judges the event of f and reports whether it is a finding.
func (d *Detector) Event(f *Finding) bool {
	f.Verdict = d.policy.Judge(f.Event)
	return d.all || f.Verdict.Hit
}
