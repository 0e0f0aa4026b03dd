package envelope

import (
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// eventList is what the API server's audit webhook sends: a list whose items
// have no kind and apiVersion of their own
// (k8s.io/apiserver pkg/apis/audit/v1, EventList).
func eventList(u *Unwrapper, o object, at place) bool {
	if o.string("kind") != "EventList" || !strings.HasPrefix(o.string("apiVersion"), "audit.k8s.io/") {
		return false
	}
	at = at.in(at.wrapper, "")
	audit.Elements(o.get("items"), func(item []byte) bool {
		u.text(item, at)
		return u.err != ErrLimit
	})
	return true
}
