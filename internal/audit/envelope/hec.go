package envelope

// hec is an event in the form of Splunk's HTTP Event Collector, kept whole.
func hec(u *Unwrapper, o object, at place) bool {
	if !o.has("event") {
		return false
	}
	fields := o.object("fields")
	cluster := fields.string("k8s.cluster.name")
	if cluster == "" {
		cluster = fields.string("cluster_name")
	}
	u.wrap(o.get("event"), cluster, at)
	return true
}
