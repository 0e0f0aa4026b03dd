package envelope

// The records of this file tell of requests to an API server, or of something
// like it, but are no audit events. They are known, so that they are counted
// for what they are, and they give no rows.

// others name the kinds of records, in an order in which each is known by its
// shape.
var others = []struct {
	name string
	is   func(o object) bool
}{
	// An alert of Falco's k8saudit rules: a verdict, not an event.
	{"falco", func(o object) bool { return o.is("output_fields", '{') && o.has("rule", "priority") }},
	// A finding of Amazon GuardDuty.
	{"guardduty", func(o object) bool {
		if o.string("source") == "aws.guardduty" {
			return true
		}
		return hasFold(o, "schemaVersion") && hasFold(o, "service") && hasFold(o, "severity") && hasFold(o, "type")
	}},
	// A line of Rancher's own API audit log, whose requests go to Rancher.
	{"rancher", func(o object) bool {
		return o.has("auditID", "user") && o.has("responseCode") && o.object("user").has("name")
	}},
	// An event in the Open Cybersecurity Schema Framework, as Amazon Security
	// Lake keeps it.
	{"ocsf", func(o object) bool { return o.has("class_uid") || o.has("actor", "api", "metadata") }},
}

// hasFold reports whether a member has the name with a small or a capital
// letter first.
func hasFold(o object, name string) bool {
	return o.hasAny(name, string(name[0]-'a'+'A')+name[1:])
}

// isOther reports whether an object is a record of another kind.
func isOther(o object) bool {
	for _, other := range others {
		if other.is(o) {
			return true
		}
	}
	return false
}

// isRancher reports whether what reads as an event is a line of that log.
func isRancher(o object) bool {
	user := o.object("user")
	return !o.has("apiVersion") && user.has("name") && !user.has("username")
}
