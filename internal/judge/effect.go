package judge

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// Effect says what became of a request that was allowed. The empty Effect is not
// known, or the request was denied.
type Effect string

// The effects.
const (
	Done   Effect = "done"
	Failed Effect = "failed"  // a code of 400 or above: admission, a conflict, nothing of that name
	DryRun Effect = "dry_run" // the server went through the motions and stored nothing
)

// effectOf reads the response code, and whether the client asked for a dry run.
func effectOf(f *facts) Effect {
	if !f.allowed() {
		return ""
	}
	switch code := f.ev.ResponseStatus.HTTPCode(); {
	case code >= 400:
		return Failed
	case code >= 100 && f.dryRun():
		return DryRun
	case code >= 100:
		return Done
	}
	return ""
}

// dryRun reports whether the server stored nothing because the client asked for
// that. Only writes of objects know dry runs: the parameter of a read, of a
// tunnel, a proxy or a request for a token changes nothing (k8s.io/apimachinery
// pkg/apis/meta/v1 CreateOptions, UpdateOptions, PatchOptions, DeleteOptions;
// the server takes the value All and refuses any other).
func (f *facts) dryRun() bool {
	if !slices.Contains([]string{"create", "update", "patch", "delete", "deletecollection"}, f.verb) ||
		f.resource == "" || f.runs() || f.sub(tokens) || f.review() {
		return false
	}
	_, query, ok := strings.Cut(f.ev.RequestURI, "?")
	if !ok || !strings.Contains(query, "=") {
		return false
	}
	values, _ := url.ParseQuery(query) // what is not valid is dropped, as by the server
	all := values["dryRun"]
	return len(all) > 0 && !slices.ContainsFunc(all, func(v string) bool { return v != "All" })
}

// futile reports whether a write was allowed and changed nothing.
func (f *facts) futile() bool {
	switch {
	case f.effect != Failed && f.effect != DryRun:
		return false
	case f.resource == "":
		return false
	}
	return f.verb == "" || f.write() && !f.runs()
}

// result is the effect in words, to stand after "was ALLOWED"; empty if there is
// nothing to add.
func (f *facts) result() string {
	switch f.effect {
	case Failed:
		return ", but failed with " + strconv.Itoa(f.ev.ResponseStatus.HTTPCode())
	case DryRun:
		return ", as a dry run"
	}
	return ""
}

// refusedImpersonation reports whether the server's message says that the client
// may not act as somebody else. The message quotes names that the client chose
// (with %q of package fmt), so it is read word by word: text within a quoted name
// proves nothing. Forms, of k8s.io/apiserver pkg/endpoints/handlers/responsewriters
// errors.go and pkg/endpoints/filters/impersonation:
//
//	users "x" is forbidden: User "system:anonymous" cannot impersonate resource "users" ...
//	secrets is forbidden: User "system:anonymous" cannot impersonate-on:user-info:list resource "secrets" ...
//	requested [{Group  system:masters ...}] without impersonating a user
//	requested &user.DefaultInfo{...} without impersonating a user name (since 1.36)
func refusedImpersonation(ev *audit.Event) bool {
	message := ev.ResponseStatus.Message
	if strings.HasPrefix(message, "requested ") && ev.Annotations.Decision == "" {
		// By group, UID or extra alone; a part of the text is the client's.
		return strings.HasSuffix(message, " without impersonating a user") || strings.HasSuffix(message, " without impersonating a user name")
	}
	object, rest, ok := strings.Cut(message, " ")
	if !ok || strings.Contains(object, `"`) {
		return false
	}
	if quoted, err := strconv.QuotedPrefix(rest); err == nil {
		if rest, ok = strings.CutPrefix(rest[len(quoted):], " "); !ok {
			return false
		}
	}
	rest, ok = strings.CutPrefix(rest, "is forbidden: User ")
	if !ok {
		return false
	}
	quoted, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return false
	}
	rest, ok = strings.CutPrefix(rest[len(quoted):], " cannot impersonate")
	return ok && (strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "-on:"))
}
