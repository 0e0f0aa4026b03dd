package judge

import (
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// Class says who asked, as far as anonymity goes.
type Class string

// The classes. The first three are anonymous requests, the next four are hits
// only on demand, the last two are never hits.
const (
	Anonymous                Class = "anonymous"                  // name and group
	AnonymousUserOnly        Class = "anonymous_user_only"        // the name without the group: a front proxy, or a certificate with that CN
	UnauthenticatedGroupOnly Class = "unauthenticated_group_only" // the group with another name
	ImpersonatedAnonymous    Class = "impersonated_anonymous"     // somebody known acted as anonymous
	Rejected401              Class = "rejected_401"               // nobody was identified, and the request was refused for that
	AnonymousAccessGranted   Class = "anonymous_access_granted"   // somebody bound a role to the anonymous
	EveryoneAuthenticated    Class = "everyone_authenticated"     // somebody was let in by a binding to all who have any account
	Authenticated            Class = "authenticated"
	Unknown                  Class = "unknown" // no user in the event
)

// Optional lists the classes that a user may include.
func Optional() []Class {
	return []Class{ImpersonatedAnonymous, Rejected401, AnonymousAccessGranted, EveryoneAuthenticated}
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
	case ev.User.Username == unsecured, ev.User.Username != "" && byEveryone(ev):
		return EveryoneAuthenticated
	case ev.User.Username != "":
		return Authenticated
	case ev.NoPrincipal && outcomeOf(ev) == Allowed:
		return Anonymous // the rest of the record is what the authorizer says of nobody
	case ev.ResponseStatus.HTTPCode() == 401, ev.NoPrincipal:
		return Rejected401
	}
	return Unknown
}

// unsecured is the user of the port without authentication that API servers had
// before Kubernetes 1.20 (k8s.io/apiserver pkg/server/insecure_handler.go).
const unsecured = "system:unsecured"

// byEveryone reports whether the authorizer let a known user in by a binding to
// system:authenticated that is not a default. On GKE that group is every Google
// account.
func byEveryone(ev *audit.Event) bool {
	if !strings.HasSuffix(ev.Annotations.Reason, ` to Group "`+authenticated+`"`) || outcomeOf(ev) != Allowed {
		return false
	}
	b := parseReason(ev.Annotations.Reason)
	return b.Subject == "Group "+authenticated && !b.byDefault()
}

// authenticated is the group of all who have any account.
const authenticated = "system:authenticated"

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
	case code == 401 || code == 403, code == 400 && refusedImpersonation(ev):
		return Denied
	case code >= 100 && code < 400:
		return Allowed
	}
	return UnknownOutcome
}
