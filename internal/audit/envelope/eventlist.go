package envelope

import "strings"

// eventList is what the API server's audit webhook sends: a list whose items
// have no kind and apiVersion of their own
// (k8s.io/apiserver pkg/apis/audit/v1, EventList).
func eventList(u *Unwrapper, o object, at place) bool {
	if o.string("kind") != "EventList" || !strings.HasPrefix(o.string("apiVersion"), "audit.k8s.io/") {
		return false
	}
	u.elements(o.get("items"), at.in(at.wrapper, ""))
	return true
}
