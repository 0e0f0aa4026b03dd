package collect

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/detect/allowlist"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// Filter says which events are indexed; nil is every event. It does not change,
// so that any goroutine may use it, each with a sieve of its own.
type Filter struct {
	anonymous bool   // only what detect finds
	terms     []term // all have to hold
}

// term is one condition: the field is one of the values, or none of them.
type term struct {
	field  string
	not    bool
	values []string // with * for any text
}

// fields are what an expression may compare: what the API server found out
// itself. The URI and the user agent are written by clients, who could choose
// not to be indexed.
var fields = map[string]func(*audit.Event) string{
	"level":                func(ev *audit.Event) string { return ev.Level },
	"stage":                func(ev *audit.Event) string { return ev.Stage },
	"verb":                 func(ev *audit.Event) string { return ev.Verb },
	"user.username":        func(ev *audit.Event) string { return ev.User.Username },
	"objectRef.resource":   func(ev *audit.Event) string { return ev.ObjectRef.Resource },
	"objectRef.namespace":  func(ev *audit.Event) string { return ev.ObjectRef.Namespace },
	"responseStatus.code":  func(ev *audit.Event) string { return ev.ResponseStatus.Code },
	"annotations.decision": func(ev *audit.Event) string { return ev.Annotations.Decision },
}

// ParseFilter reads a filter: all, anonymous, or conditions with blanks between
// them, such as
//
//	verb!=get,list,watch user.username!=system:node:*
//
// It returns nil for all. The error says what is wrong with the text and what is
// allowed; the caller names the setting.
func ParseFilter(text string) (*Filter, error) {
	switch text {
	case "", "all":
		return nil, nil
	case "anonymous":
		return &Filter{anonymous: true}, nil
	}
	f := &Filter{}
	for part := range strings.FieldsSeq(text) {
		name, values, ok := strings.Cut(part, "=")
		t := term{field: name}
		t.field, t.not = strings.CutSuffix(t.field, "!")
		if !ok || fields[t.field] == nil {
			return nil, fmt.Errorf("%q is not a condition; allowed: all, anonymous, or FIELD=VALUE,... and FIELD!=VALUE,... with blanks between them, where FIELD is %s", part, strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		}
		t.values = strings.Split(values, ",")
		f.terms = append(f.terms, t)
	}
	return f, nil
}

func (f *Filter) holds(ev *audit.Event) bool {
	return !slices.ContainsFunc(f.terms, func(t term) bool {
		value := fields[t.field](ev)
		is := slices.ContainsFunc(t.values, func(pattern string) bool { return allowlist.Wildcard(pattern, value) })
		return is == t.not
	})
}

// sieve holds texts against a filter, and reads when their events happened. Each
// goroutine has its own.
type sieve struct {
	filter   *Filter
	counts   *counters
	detector *detect.Detector
	decoder  audit.Decoder
}

func newSieve(f *Filter, counts *counters) *sieve {
	return &sieve{filter: f, counts: counts, detector: detect.New(judge.DefaultPolicy(), f != nil && !f.anonymous)}
}

// take counts a text, and reports whether it passes the filter and when its
// event happened: zero if the text is not a plain event.
//
// The time is read from the text even where the filter has read an event of it:
// what a wrapper carries, or stands after something broken, is not the event of
// the text, and the reading costs less than finding that out.
func (s *sieve) take(text []byte) (at time.Time, ok bool) {
	s.counts.seen.Add(1)
	if !s.wants(text) {
		s.counts.filtered.Add(1)
		return time.Time{}, false
	}
	return s.time(text), true
}

// time is when the event of a text happened; zero if it is not a plain event or
// bears no time: then Splunk finds one.
func (s *sieve) time(text []byte) time.Time {
	at, _ := time.Parse(time.RFC3339Nano, s.decoder.Timestamp(text))
	return at
}

// wants reports whether a text holds an event that is wanted, or may do so. What
// cannot be read always passes: a filter must not be a way to hide.
func (s *sieve) wants(text []byte) bool {
	f := s.filter
	if f == nil {
		return true
	}
	if s.detector.CanSkip(text, false) {
		return false
	}
	wanted := false
	events, reason := s.detector.Text(text, func(found *detect.Finding) { wanted = wanted || f.anonymous || f.holds(found.Event) })
	return wanted || reason != detect.Decided || !f.anonymous && events == 0
}
