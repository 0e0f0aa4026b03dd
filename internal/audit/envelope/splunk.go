package envelope

// splunkExport is a row of a search that Splunk exported as JSON.
func splunkExport(u *Unwrapper, o object, at place) bool {
	if o.is("result", '{') {
		o = o.object("result")
	}
	if !o.is("_raw", '"') {
		return false
	}
	u.wrap(o.get("_raw"), "", at)
	return true
}
