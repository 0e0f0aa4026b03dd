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

// message is a line as log forwarders keep it.
func message(u *Unwrapper, o object, at place) bool {
	for _, name := range []string{"message", "structured", "raw"} {
		if o.has(name) {
			u.wrap(o.get(name), "", at)
			return true
		}
	}
	return false
}
