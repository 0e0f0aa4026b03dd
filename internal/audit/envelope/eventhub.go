package envelope

// eventHub is a message of Azure Event Hubs: a list of diagnostic records.
func eventHub(u *Unwrapper, o object, at place) bool {
	if !o.is("records", '[') {
		return false
	}
	u.elements(o.get("records"), at.in(at.wrapper, ""))
	return true
}
