package envelope

// lambda is what a Lambda function gets of a subscription: gzip in base64.
func lambda(u *Unwrapper, o object, at place) bool {
	logs := o.object("awslogs")
	if !logs.has("data") {
		return false
	}
	u.wrap(logs.get("data"), "", at)
	return true
}
