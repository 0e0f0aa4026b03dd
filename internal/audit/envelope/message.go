package envelope

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
