package judge

import (
	"fmt"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// ProveClass names the fields of ev that make it of class c, in words for an
// analyst.
func ProveClass(ev *audit.Event, c Class) string {
	name := fmt.Sprintf("user.username is %q", Clean(ev.User.Username))
	const group = `user.groups holds "` + audit.Unauthenticated + `"`
	switch c {
	case Anonymous:
		if ev.NameIsAll {
			return name + ", and the format carries no groups"
		}
		return name + " and " + group
	case AnonymousUserOnly:
		return name + ", but user.groups does not hold \"" + audit.Unauthenticated + "\": a front proxy, or a client certificate with that common name"
	case UnauthenticatedGroupOnly:
		return group + ", but " + name
	case ImpersonatedAnonymous:
		return name + ", and impersonatedUser is anonymous"
	case Rejected401:
		return "user has no name and responseStatus.code is 401"
	case AnonymousAccessGranted:
		return "the request writes a binding whose subjects are everybody"
	case Authenticated:
		return name
	}
	return "user has no name"
}

// ProveOutcome names the field of ev that settles the outcome.
func ProveOutcome(ev *audit.Event) string {
	if g, ok := grantOf(ev); ok && g.void && classify(ev) == AnonymousAccessGranted && outcomeOf(ev) != Denied {
		if dryRun(ev.RequestURI) {
			return "the request is a dry run, which grants nothing"
		}
		return fmt.Sprintf("responseStatus.code is %d: the write failed and granted nothing", ev.ResponseStatus.HTTPCode())
	}
	if d := ev.Annotations.Decision; d == "allow" || d == "forbid" {
		return fmt.Sprintf("authorization.k8s.io/decision is %q", d)
	}
	if code := ev.ResponseStatus.HTTPCode(); code != 0 {
		return fmt.Sprintf("there is no decision, and responseStatus.code is %d", code)
	}
	return "there is neither a decision nor a response code"
}
