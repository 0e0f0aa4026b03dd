package envelope

// openshiftLevel is what the log forwarder of OpenShift before Logging 5.8 makes
// of the level of every event; the API server writes None, Metadata, Request or
// RequestResponse.
const openshiftLevel = "default"

// isOpenshift reports whether an event is a record of OpenShift's log forwarder
// (the "viaq" model): the event itself with keys beside its own, and its level
// in k8s_audit_level or openshift_audit_level.
func isOpenshift(o object) bool {
	return o.hasAny("k8s_audit_level", "openshift_audit_level") || openshiftCluster(o) != ""
}

// openshiftCluster is the ID that OpenShift's log forwarder gives the cluster.
func openshiftCluster(o object) string { return o.object("openshift").string("cluster_id") }
