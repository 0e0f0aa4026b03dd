package envelope

// docker is a line of Docker's json-file log driver, or of a forwarder that
// keeps its keys: the line is in log.
func docker(u *Unwrapper, o object, at place) bool {
	if !o.has("log") {
		return false
	}
	u.wrap(o.get("log"), "", at)
	return true
}
