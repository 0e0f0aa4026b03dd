package envelope

// openshiftLevel is what the log forwarder of OpenShift makes of the level of
// every event; the API server writes None, Metadata, Request or RequestResponse.
const openshiftLevel = "default"

// openshiftCluster is the cluster of a record of OpenShift's log forwarder (the
// "viaq" model): the event itself with keys beside its own, and its level in
// k8s_audit_level.
func openshiftCluster(text []byte) string {
	return membersOf(text).object("openshift").string("cluster_id")
}
