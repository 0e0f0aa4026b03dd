package collect

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/detect/allowlist"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// filter says which events are indexed. What cannot be read passes always: a
// filter must not be a way to hide. It may be used by several goroutines.
type filter struct {
	anonymous bool   // only what annotate finds
	terms     []term // all have to hold

	mu        sync.Mutex
	annotator detect.Annotator
}

// term is one condition: the field is one of the values, or none of them.
type term struct {
	field  string
	not    bool
	values []string // with * for any text
}

// fields are what an expression may look at: what the API server found out
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

// parseFilter reads the setting filter: all, anonymous, or conditions with
// blanks between them, such as
//
//	verb!=get,list,watch user.username!=system:node:*
//
// It returns nil for all.
func parseFilter(text string) (*filter, error) {
	f := &filter{annotator: detect.Annotator{Policy: judge.DefaultPolicy()}}
	switch text {
	case "", "all":
		return nil, nil
	case "anonymous":
		f.anonymous = true
		return f, nil
	}
	f.annotator.All = true
	for part := range strings.FieldsSeq(text) {
		name, values, ok := strings.Cut(part, "=")
		t := term{field: name}
		t.field, t.not = strings.CutSuffix(t.field, "!")
		if !ok || fields[t.field] == nil {
			names := make([]string, 0, len(fields))
			for name := range fields {
				names = append(names, name)
			}
			slices.Sort(names)
			return nil, fmt.Errorf("filter=%q: %q is no condition; allowed: all, anonymous, or FIELD=VALUE,... and FIELD!=VALUE,... with blanks between them, where FIELD is %s", text, part, strings.Join(names, ", "))
		}
		t.values = strings.Split(values, ",")
		f.terms = append(f.terms, t)
	}
	return f, nil
}

// passes reports whether a text holds an event that is wanted, or may do so.
func (f *filter) passes(text []byte) bool {
	if f == nil {
		return true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.annotator.Skip(text, false) {
		return false
	}
	wanted := false
	events, reason := f.annotator.Text(text, func(found *detect.Finding) { wanted = wanted || f.anonymous || f.holds(found.Event) })
	return wanted || reason != detect.Decided || !f.anonymous && events == 0
}

func (f *filter) holds(ev *audit.Event) bool {
	return !slices.ContainsFunc(f.terms, func(t term) bool {
		value := fields[t.field](ev)
		is := slices.ContainsFunc(t.values, func(pattern string) bool { return allowlist.Wildcard(pattern, value) })
		return is == t.not
	})
}
