package envelope

// openshiftCluster is the cluster of a record of OpenShift's log forwarder (the
// "viaq" model): the event itself with keys beside its own, and its level in
// k8s_audit_level.
func openshiftCluster(text []byte) string {
	return membersOf(text).object("openshift").string("cluster_id")
}
