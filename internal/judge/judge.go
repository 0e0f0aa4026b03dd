// Package judge says what an audit event means: whether the request was
// anonymous, whether it was let in, by which binding, and how bad that is.
//
// It is pure: event in, Verdict out, no I/O, no Splunk. The knowledge stands
// in tables: categories in category.go (first match wins), what raises or
// lowers their numbers in modifier.go.
//
// # Evidence
//
// A client writes the URI, the user agent, the audit ID, the request body and
// every source address but the last. Such a field may raise a score; it never
// lowers one and never makes a row disappear. What is benign is decided by
// what the server wrote: the exact path it served together with the binding
// that its authorizer names.
package judge

import (
	"cmp"
	"strings"
	"unicode"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// Verdict is what Judge says of one event. For a class that is no hit only
// Class, Outcome, SrcIPs, Binding and XFFSuspect are set.
type Verdict struct {
	Class   Class
	Hit     bool // the policy wants a row for it
	Outcome Outcome
	Effect  Effect // what became of it, if it was allowed

	Category     *Category
	Severity     Severity
	Impact       int      // 0 to 100
	Confidence   int      // 0 to 100
	Score        int      // Impact * Confidence / 100, rounded to the nearest
	Factors      []string // what raised or lowered the numbers, as name or "name +5"
	What         string   // the request in short, such as "list of secrets in kube-system", fit for a page
	Message      string   // one line for a person, free of control characters and bounded
	Remediation  string   // how to close the hole, often a kubectl command; empty if there is none
	ThreatObject string   // the source address, fit for a page; empty if there is none

	SrcIPs     []string // the address that no client could forge, or the whole chain
	XFFSuspect bool     // the chain of addresses was probably forged
	Binding    Binding  // what let the request in; none if anonymous acted as somebody else, whose bindings are no door
	ActedAs    string   // the user that anonymous impersonated
	Grant      Binding  // the binding to everybody that the request made or changed; the zero value if none
	Undo       []string // how to take back what the request did: commands, or words

	// HiddenGrant: the request wrote a binding whose subjects the event does not
	// show, because its body was removed or cut. It may be a grant.
	HiddenGrant bool
}

// Judge says what ev means under the policy. The verdict shares no memory with
// ev but strings.
func (p *Policy) Judge(ev *audit.Event) Verdict {
	f := p.factsOf(ev)
	v := Verdict{
		Class: f.class, Hit: p.hit(f.class), Outcome: f.outcome, Effect: f.effect,
		XFFSuspect: f.xffSuspect, Binding: f.binding,
	}
	switch {
	case p.AllSrcIPs:
		v.SrcIPs = append(v.SrcIPs, ev.SourceIPs...)
	case f.srcIP != "":
		v.SrcIPs = []string{f.srcIP}
	}
	if f.impersonates() {
		v.Binding, v.ActedAs = Binding{}, cmp.Or(ev.ImpersonatedUser.Username, ev.ImpersonatedUser.UID)
	}
	if !v.Hit {
		v.HiddenGrant = p.Includes(AnonymousAccessGranted) && hiddenGrant(ev)
		return v
	}
	v.Category = categoryOf(&f)
	if f.class == AnonymousAccessGranted {
		v.Binding = f.grant.binding // the hole, not what let its maker in
	}
	p.score(&v, &f)
	v.What = what(&f)
	v.Message = message(&f, &v)
	v.Remediation = remediation(&f, v.Category)
	v.Undo = undo(&f)
	if !f.grant.void {
		v.Grant = f.grant.binding
	}
	v.ThreatObject = Clean(f.srcIP)
	return v
}

// score fills in the numbers.
func (p *Policy) score(v *Verdict, f *facts) {
	if p.Flat {
		v.Impact, v.Confidence = p.Impact, p.Confidence
	} else {
		v.Impact, v.Confidence = v.Category.Impact, v.Category.Confidence
		v.Factors = append(make([]string, 0, 4), v.Category.factor())
		for i := range modifiers {
			m := &modifiers[i]
			if !m.when(f, v.Category) {
				continue
			}
			v.Impact += m.impact
			v.Confidence += m.confidence
			v.Factors = append(v.Factors, m.text)
		}
		v.Impact = max(0, min(v.Impact, 100))
		v.Confidence = max(0, min(v.Confidence, 100))
	}
	v.Score = (v.Impact*v.Confidence + 50) / 100
	v.Severity = severityOf(v.Score)
}

// what is the request in short.
func what(f *facts) string {
	verb := Clean(f.verb)
	if verb == "" {
		verb = "request"
	}
	if f.resource == "" {
		return verb + " of " + Clean(f.path)
	}
	object := Clean(f.resource)
	if f.subresource != "" {
		object += "/" + Clean(f.subresource)
	}
	if f.name != "" {
		object += " " + Clean(f.name)
	}
	if f.namespace != "" {
		object += " in " + Clean(f.namespace)
	}
	return verb + " of " + object
}

// message tells a person in one line what happened.
func message(f *facts, v *Verdict) string {
	from := Clean(f.srcIP)
	if from == "" {
		from = "an unknown address"
	}
	who := "Anonymous"
	switch v.Class {
	case AnonymousUserOnly:
		who = "Anonymous (by name only)"
	case UnauthenticatedGroupOnly:
		who = "Unauthenticated " + Clean(f.ev.User.Username)
	case ImpersonatedAnonymous:
		who = Clean(f.ev.User.Username) + " as anonymous:"
	case Rejected401:
		who = "Without valid credentials:"
	case EveryoneAuthenticated:
		who = Clean(f.ev.User.Username) + " (anybody with an account):"
	}
	if v.Category.message != nil {
		return v.Category.message(f, who, from)
	}
	if f.class == AnonymousAccessGranted {
		return Clean(f.ev.User.Username) + " " + f.grant.describe(v.Outcome)
	}
	by := ""
	if b := &f.binding; b.Name != "" && !f.impersonates() {
		by = " by " + b.Kind + " " + Clean(b.Name) + " (" + b.RoleKind + " " + Clean(b.Role) + ")"
	}
	as := ""
	if f.impersonates() {
		as = " as " + f.actedAs()
	}
	switch {
	case f.allowed():
		return who + " " + v.What + as + " from " + from + " was ALLOWED" + by + f.result()
	case f.denied():
		return who + " " + v.What + as + " from " + from + " was denied"
	}
	return who + " " + v.What + as + " from " + from + ": outcome unknown"
}

// actedAs names the identity that anonymous took.
func (f *facts) actedAs() string {
	who := &f.ev.ImpersonatedUser
	switch {
	case who.Username != "":
		return Clean(who.Username)
	case len(who.Groups) > 0:
		return "group " + Clean(who.Groups[0])
	}
	return "UID " + Clean(who.UID)
}

// probeMessage is the message of health checks and questions for the version.
func probeMessage(f *facts, who, from string) string {
	text := who + " health or version request from " + from + " (" + Clean(f.path) + ")"
	if f.denied() {
		return text + " was denied"
	}
	return text
}

// loginMessage is the message of logins to OpenShift.
func loginMessage(f *facts, _, from string) string {
	text := "OpenShift login page from " + from + " (" + Clean(f.path) + ")"
	if name := f.ev.Annotations.LoginUser; name != "" {
		text = "OpenShift login of " + Clean(name) + " from " + from
	}
	if f.loginRefused() {
		return text + " was refused"
	}
	return text
}

// Clean makes foreign text fit for a line of a terminal or a page: no control
// characters, no bidirectional overrides, bounded.
func Clean(s string) string {
	if len(s) <= maxWord && printableASCII(s) {
		return s
	}
	cut := false
	if len(s) > maxWord {
		s, cut = s[:maxWord], true
	}
	s = Printable(s)
	if cut {
		s = strings.TrimRight(s, "\uFFFD") + "..."
	}
	return s
}

// Printable is foreign text without control characters and bidirectional
// overrides, however long it is.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, s)
}

func printableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
