package envelope

import (
	"slices"
	"strings"
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
