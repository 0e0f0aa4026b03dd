package envelope

import (
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// auditGroup is how the apiVersion of audit events begins.
const auditGroup = "audit.k8s.io/"

// eventList is what the API server's audit webhook sends: a list whose items
// have no kind and apiVersion of their own
// (k8s.io/apiserver pkg/apis/audit/v1, EventList).
func eventList(u *Unwrapper, o object, at place) bool {
	if o.string("kind") != "EventList" || !strings.HasPrefix(o.string("apiVersion"), auditGroup) {
		return false
	}
	u.elements(o.get("items"), at.in(at.wrapper))
	return true
}

// isResource reports whether an object is one of the Kubernetes API that is not
// an audit event and holds none: a Status, a Secret, an Event of the core API.
// A list may hold some.
func isResource(o object) bool {
	kind, version := o.string("kind"), o.string("apiVersion")
	return kind != "" && version != "" && !strings.HasSuffix(kind, "List") && (!strings.HasPrefix(version, auditGroup) || kind == "Policy")
}

// isBody reports whether a member holds what a client sent, or the answer to it.
// What looks like an event in there is not one.
func isBody(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, "requestobject") || strings.HasSuffix(name, "responseobject")
}

// lowerCase reads an event all of whose keys were written in lower case, as
// tables of Athena, Glue and Hive have them. The decoder has read it as an event
// with keys in another case; here they are the right ones, so nothing was
// tampered with. It reports false for any other text.
func lowerCase(text []byte) bool {
	seen := map[string]bool{}
	for _, m := range membersOf(text).members {
		if seen[m.name] || m.name != strings.ToLower(m.name) {
			return false
		}
		seen[m.name] = true
		inner := map[string]bool{}
		if m.name == "user" || m.name == "objectref" || m.name == "responsestatus" {
			audit.Members(m.value, func(name string, _ []byte) bool {
				if inner[name] || name != strings.ToLower(name) {
					inner[""] = true
				}
				inner[name] = true
				return true
			})
		}
		if inner[""] {
			return false
		}
	}
	return seen["requesturi"] || seen["auditid"] || seen["apiversion"]
}
