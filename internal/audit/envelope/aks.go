package envelope

import (
	"slices"
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// aks is a diagnostic record of Azure Kubernetes Service: the event is a string
// in properties.log, cut at 16 KiB (github.com/Azure/AKS issue 4635). Other
// categories put other text there.
func aks(u *Unwrapper, o object, at place) bool {
	properties := o.object("properties")
	if !properties.has("log") {
		return false
	}
	u.wrap(properties.get("log"), aksCluster(o.string("resourceId")), at)
	return true
}

// aksCluster is the last part of a resource ID,
// /SUBSCRIPTIONS/.../MANAGEDCLUSTERS/<name>.
func aksCluster(resourceID string) string {
	p := path(resourceID)
	if i := slices.IndexFunc(p, func(s string) bool { return strings.EqualFold(s, "managedClusters") }); i >= 0 && i+1 < len(p) {
		return p[i+1]
	}
	return ""
}

// eventHub is a message of Azure Event Hubs: a list of diagnostic records.
func eventHub(u *Unwrapper, o object, at place) bool {
	if !o.is("records", '[') {
		return false
	}
	u.elements(o.get("records"), at.in(at.wrapper, ""))
	return true
}

// aksTable reports whether a text is a row of the table AKSAudit of Log
// Analytics, whose columns are the keys of an event in Pascal case. The decoder
// has read them as keys in another case; here they are the right ones, so that
// nothing was tampered with.
func aksTable(ev *audit.Event, text []byte) bool {
	o := membersOf(text)
	if !o.has("AuditId", "User", "Verb") || !o.hasAny("RequestReceivedTime", "TimeGenerated", "Stage") {
		return false
	}
	seen := map[string]bool{}
	for _, m := range o.members {
		if key := strings.ToLower(m.name); seen[key] {
			return false
		} else {
			seen[key] = true
		}
	}
	ev.Tampered = false
	if ev.RequestReceivedTimestamp == "" {
		ev.RequestReceivedTimestamp = o.string("RequestReceivedTime")
	}
	return true
}
