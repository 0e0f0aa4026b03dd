package judge

import "github.com/kubeanon/kubeanon/internal/audit"

// Class says who asked, as far as anonymity goes.
type Class string

// The classes. The first three are anonymous requests, the next three are hits
// only on demand, the last two are never hits.
const (
	Anonymous                Class = "anonymous"                  // name and group
	AnonymousUserOnly        Class = "anonymous_user_only"        // the name without the group: a front proxy, or a certificate with that CN
	UnauthenticatedGroupOnly Class = "unauthenticated_group_only" // the group with another name
	ImpersonatedAnonymous    Class = "impersonated_anonymous"     // somebody known acted as anonymous
	Rejected401              Class = "rejected_401"               // nobody was identified, and the request was refused for that
	AnonymousAccessGranted   Class = "anonymous_access_granted"   // somebody bound a role to the anonymous
	Authenticated            Class = "authenticated"
	Unknown                  Class = "unknown" // no user in the event
)

// Optional lists the classes that a user may include.
func Optional() []Class {
	return []Class{ImpersonatedAnonymous, Rejected401, AnonymousAccessGranted}
}

// classify names the class of an event. Kubernetes itself calls a user
// anonymous that has the name or the group (isAnonymousUser in
// k8s.io/apiserver pkg/endpoints/filters/authentication.go).
func classify(ev *audit.Event) Class {
	name, group := ev.User.Anonymous()
	if ev.NameIsAll {
		group = name
	}
	switch {
	case name && group:
		return Anonymous
	case name:
		return AnonymousUserOnly
	case group:
		return UnauthenticatedGroupOnly
	}
	if _, ok := grantOf(ev); ok {
		return AnonymousAccessGranted
	}
	if name, group := ev.ImpersonatedUser.Anonymous(); name || group {
		return ImpersonatedAnonymous
	}
	switch {
	case ev.User.Username != "":
		return Authenticated
	case ev.ResponseStatus.HTTPCode() == 401:
		return Rejected401
	}
	return Unknown
}

// anonymous reports whether the request itself was anonymous.
func (c Class) anonymous() bool {
	return c == Anonymous || c == AnonymousUserOnly || c == UnauthenticatedGroupOnly
}

// hit reports whether the policy wants rows of class c.
func (p *Policy) hit(c Class) bool {
	if p.Strict && c.anonymous() {
		return c == Anonymous
	}
	return c.anonymous() || p.Includes(c)
}

// Outcome says whether the request was let in.
type Outcome string

// The outcomes.
const (
	Allowed        Outcome = "allowed"
	Denied         Outcome = "denied"
	UnknownOutcome Outcome = "unknown" // no decision and no telling response code
)

// outcomeOf reads the authorizer's decision; without one, the response code.
// An error after the decision (404, 409, 500) is still an allowed request.
func outcomeOf(ev *audit.Event) Outcome {
	switch ev.Annotations.Decision {
	case "allow":
		return Allowed
	case "forbid":
		return Denied
	}
	switch code := ev.ResponseStatus.HTTPCode(); {
	case code == 401 || code == 403:
		return Denied
	case code >= 100 && code < 400:
		return Allowed
	}
	return UnknownOutcome
}
