package envelope

// sns is a notification of Amazon SNS.
func sns(u *Unwrapper, o object, at place) bool {
	if !o.is("Message", '"') {
		return false
	}
	u.wrap(o.get("Message"), "", at)
	return true
}
