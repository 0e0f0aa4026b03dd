package envelope

// The records of this file tell of requests to an API server, or of something
// like it, but are no audit events. They are known, so that they are counted
// for what they are, and they give no rows.

// falco is an alert of Falco's k8saudit rules: a verdict, not an event.
func falco(u *Unwrapper, o object, _ place) bool {
	return u.dialect(o.is("output_fields", '{') && o.has("rule", "priority"))
}

// rancher is a line of Rancher's own API audit log, whose requests go to
// Rancher.
func rancher(u *Unwrapper, o object, _ place) bool {
	return u.dialect(o.has("auditID", "user") && o.has("responseCode") && o.object("user").has("name"))
}

// isRancher reports whether what reads as an event is a line of that log.
func isRancher(text []byte) bool {
	o := membersOf(text)
	user := o.object("user")
	return !o.has("apiVersion") && user.has("name") && !user.has("username")
}

// ocsf is an event in the Open Cybersecurity Schema Framework, as Amazon
// Security Lake keeps it.
func ocsf(u *Unwrapper, o object, _ place) bool {
	return u.dialect(o.has("class_uid") || o.has("actor", "api", "metadata"))
}

func (u *Unwrapper) dialect(known bool) bool {
	if known {
		u.fail(ErrDialect)
	}
	return known
}
