package envelope

import "github.com/kubeanon/kubeanon/internal/audit"

// cloudWatch is a batch of CloudWatch Logs: of a subscription filter (Firehose,
// Lambda, Kinesis; AWS documentation "Subscription filters"), or of the call
// FilterLogEvents. Each message is a line of text.
func cloudWatch(u *Unwrapper, o object, at place) bool {
	list := "logEvents"
	switch {
	case o.is("logEvents", '['):
	case o.is("events", '[') && o.hasAny("searchedLogStreams", "nextToken", "nextForwardToken"):
		list = "events"
	default:
		return false
	}
	if o.string("messageType") == "CONTROL_MESSAGE" {
		return true // AWS checks whether the destination can be reached
	}
	audit.Elements(o.get(list), func(element []byte) bool {
		message := membersOf(element).get("message")
		u.account(func() []byte {
			u.wrap(message, at)
			return message
		})
		return u.err != ErrLimit
	})
	u.try(o.get(list))
	return true
}

// lambda is what a Lambda function gets of a subscription: gzip in base64.
func lambda(u *Unwrapper, o object, at place) bool {
	logs := o.object("awslogs")
	if !logs.has("data") {
		return false
	}
	u.wrap(logs.get("data"), at)
	return true
}

// kinesis is a record of Amazon Kinesis or Firehose, with data in base64: as a
// Lambda function gets it, and as the call GetRecords gives it.
func kinesis(u *Unwrapper, o object, at place) bool {
	if k := o.object("kinesis"); k.has("data") {
		o = k
	}
	if !o.hasAny("recordId", "sequenceNumber", "partitionKey", "approximateArrivalTimestamp", "SequenceNumber", "PartitionKey", "ApproximateArrivalTimestamp") {
		return false
	}
	data := o.get("data")
	if data == nil {
		data = o.get("Data")
	}
	u.wrap(data, at)
	return data != nil
}

// sns is a notification of Amazon SNS.
func sns(u *Unwrapper, o object, at place) bool {
	if !o.is("Message", '"') {
		return false
	}
	u.wrap(o.get("Message"), at)
	return true
}

// awsCluster is the cluster of a log group, wherever a record names one.
func awsCluster(o object) string {
	return eksCluster(first(o.string("logGroup"), o.string("log_group"), o.string("logGroupName"), o.string("@log"),
		o.object("awscloudwatch").string("log_group"), o.object("aws").object("cloudwatch").string("log_group"), o.object("cloudwatch").string("log_group")))
}

// eksCluster reads the cluster from the name of its log group,
// /aws/eks/<cluster>/cluster, which the account may precede. Of any other group
// it is the name itself.
func eksCluster(group string) string {
	for p := path(group); len(p) >= 3; p = p[1:] {
		if p[0] == "aws" && p[1] == "eks" {
			return p[2]
		}
	}
	return group
}
