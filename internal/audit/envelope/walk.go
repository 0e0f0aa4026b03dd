package envelope

import (
	"slices"
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// The last resort: whatever the named formats leave of a wrapper is walked, so
// that an event is found under any key. Only members that may hide an anonymous
// request are followed, since the others cannot become a finding.

// FormatWrapped is an event under a key that no format names.
const FormatWrapped = "wrapped"

// rest unwraps the members of an object that no format has tried; hashes is where
// the events of the object begin. What a client sent, or was answered, is not
// looked into.
func (u *Unwrapper) rest(o object, tried []*byte, hashes int, at place) {
	format := FormatWrapped
	if strings.HasSuffix(at.format, FormatWrapped) {
		format = ""
	}
	at = at.in(format)
	u.frames = append(u.frames, frame{hashes, len(u.hashes)})
	for _, m := range o.members {
		if len(m.value) == 0 || isBody(m.name) || slices.Contains(tried, &m.value[0]) || !hides(m.value) {
			continue
		}
		u.carried(m.value, at)
		u.frames[len(u.frames)-1].to = len(u.hashes)
		if u.err == ErrLimit {
			break
		}
	}
	u.frames = u.frames[:len(u.frames)-1]
	if o.more {
		u.fail(ErrLimit)
	}
}

// hides reports whether a value, as it is in the text, may hide an anonymous
// request.
func hides(value []byte) bool {
	if value[0] != '{' && value[0] != '[' && value[0] != '"' {
		return false
	}
	if audit.Candidate(value) {
		return true
	}
	from, _ := audit.FindPacked(value)
	return from >= 0
}

// frame is a wrapper that is being walked: the events of the members that were
// looked at, as a range of Unwrapper.hashes.
type frame struct{ from, to int }

// isCopy reports whether an earlier member of a wrapper around it held the same
// event, as shippers keep the original next to what they parsed of it. Nothing in
// which a row could differ differs then. It notes the event.
func (u *Unwrapper) isCopy(ev *audit.Event) bool {
	hash := u.hashOf(ev)
	for _, f := range u.frames {
		if slices.Contains(u.hashes[f.from:f.to], hash) {
			return true
		}
	}
	u.hashes = append(u.hashes, hash)
	return false
}

// hashOf is a hash, under a key that nobody knows, of all that was read of an
// event.
func (u *Unwrapper) hashOf(ev *audit.Event) uint64 {
	h := &u.hash
	h.Reset()
	text := func(texts ...string) {
		for _, t := range texts {
			_, _ = h.WriteString(t) // never fails
			_ = h.WriteByte(0)
		}
		_ = h.WriteByte(1)
	}
	ref, status := &ev.ObjectRef, &ev.ResponseStatus
	text(ev.Level, ev.AuditID, ev.Stage, ev.RequestURI, ev.Verb, ev.UserAgent, ev.RequestReceivedTimestamp, ev.StageTimestamp)
	text(ref.Resource, ref.Namespace, ref.Name, ref.APIGroup, ref.APIVersion, ref.Subresource)
	text(status.Code, status.Status, status.Message, status.Reason, ev.Annotations.Decision, ev.Annotations.Reason)
	for _, user := range []*audit.User{&ev.User, &ev.ImpersonatedUser} {
		text(user.Username, user.UID)
		text(user.Groups...)
	}
	text(ev.SourceIPs...)
	text(string(ev.RequestObject), string(ev.ResponseObject))
	return h.Sum64()
}
