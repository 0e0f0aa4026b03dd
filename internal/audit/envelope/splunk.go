package envelope

// hec is an event in the form of Splunk's HTTP Event Collector, kept whole.
func hec(u *Unwrapper, o object, at place) bool {
	if !o.has("event") {
		return false
	}
	u.wrap(o.get("event"), at)
	return true
}

// splunkExport is a row of a search that Splunk exported as JSON.
func splunkExport(u *Unwrapper, o object, at place) bool {
	if o.is("result", '{') {
		o = o.object("result")
	}
	if !o.is("_raw", '"') {
		return false
	}
	u.wrap(o.get("_raw"), at)
	return true
}

// splunkCluster is the indexed field that Splunk's collectors put beside an
// event.
func splunkCluster(o object) string {
	fields := o.object("fields")
	return first(fields.string("k8s.cluster.name"), fields.string("cluster_name"))
}
