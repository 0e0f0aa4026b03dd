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

// aksTable reads a row of the table AKSAudit of Log Analytics: the keys of an
// event in Pascal case, whose objects an export may have left as strings. The
// decoder has read it as an event with keys in another case; here they are the
// right ones, so that nothing was tampered with. It reports false for any other
// text.
func (u *Unwrapper) aksTable(text []byte) (*audit.Event, bool) {
	o := membersOf(text)
	if !o.has("AuditId", "User", "Verb") {
		return nil, false
	}
	var row []byte
	seen := map[string]bool{}
	for _, m := range o.members {
		key := strings.ToLower(m.name)
		if seen[key] {
			return nil, false
		}
		seen[key] = true
		name := m.name
		if name == "RequestReceivedTime" {
			name = "requestReceivedTimestamp"
		}
		value := m.value
		if inner := audit.Unquote(value); len(inner) > 0 && (inner[0] == '{' || inner[0] == '[') {
			value = inner
		}
		row = append(append(append(append(row, ',', '"'), name...), '"', ':'), value...)
	}
	row[0] = '{'
	ev, err := u.decoder.Decode(append(row, '}'))
	if err != nil {
		return nil, false
	}
	ev.Tampered = false
	return ev, true
}
