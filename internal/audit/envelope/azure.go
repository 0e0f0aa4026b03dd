package envelope

import (
	"slices"
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// aks is a diagnostic record of Azure Kubernetes Service: the event is a string
// in properties.log, cut at 16 KiB (github.com/Azure/AKS issue 4635). Other
// categories put other text there. Some exports make properties a string, and
// the table AzureDiagnostics has log_s.
func aks(u *Unwrapper, o object, at place) bool {
	if o.is("log_s", '"') {
		u.wrap(o.get("log_s"), at)
		return true
	}
	properties := membersOf(o.get("properties"))
	if o.is("properties", '"') {
		properties = membersOf(audit.Unquote(o.get("properties")))
	}
	if !properties.has("log") {
		return false
	}
	u.wrap(properties.get("log"), at)
	return true
}

// eventHub is a message of Azure Event Hubs: a list of diagnostic records.
func eventHub(u *Unwrapper, o object, at place) bool {
	if !o.is("records", '[') {
		return false
	}
	u.elements(o.get("records"), at.in(at.wrapper))
	u.try(o.get("records"))
	return true
}

// aksTable reads a row of the tables AKSAudit and ArcK8sAudit of Log Analytics:
// the keys of an event in Pascal case, whose objects an export may have left as
// strings. The decoder has read it as an event with keys in another case; here
// they are the right ones, so nothing was tampered with. It reports false for
// any other text.
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

// azureCluster is the last part of a resource ID,
// /SUBSCRIPTIONS/.../MANAGEDCLUSTERS/<name>, or .../connectedClusters/<name> of a
// cluster that Azure Arc knows.
func azureCluster(o object) string {
	for _, name := range []string{"resourceId", "_ResourceId", "ResourceId"} {
		p := path(o.string(name))
		i := slices.IndexFunc(p, func(s string) bool {
			return strings.EqualFold(s, "managedClusters") || strings.EqualFold(s, "connectedClusters")
		})
		if i >= 0 && i+1 < len(p) {
			return p[i+1]
		}
	}
	return ""
}
