package envelope

// pubsub is a message of Google Cloud Pub/Sub, pulled (data beside
// publish_time) or pushed (data in message, in base64).
func pubsub(u *Unwrapper, o object, at place) bool {
	if m := o.object("message"); m.has("data") {
		o = m
	}
	if !o.has("data") {
		return false
	}
	u.wrap(o.get("data"), "", at)
	return true
}
