package envelope

// kinesis is a record of Amazon Kinesis or Firehose, with data in base64.
func kinesis(u *Unwrapper, o object, at place) bool {
	if k := o.object("kinesis"); k.has("data") {
		o = k
	}
	if !o.has("data") || !o.hasAny("recordId", "sequenceNumber", "partitionKey", "approximateArrivalTimestamp") {
		return false
	}
	u.wrap(o.get("data"), "", at)
	return true
}
