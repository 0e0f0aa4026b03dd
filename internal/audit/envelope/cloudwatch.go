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
	cluster := eksCluster(o.string("logGroup"))
	audit.Elements(o.get(list), func(element []byte) bool {
		u.wrap(membersOf(element).get("message"), cluster, at)
		return u.err != ErrLimit
	})
	return true
}

// eksCluster reads the cluster from the name of its log group,
// /aws/eks/<cluster>/cluster. Of any other group it is the name itself.
func eksCluster(group string) string {
	if p := path(group); len(p) == 4 && p[0] == "aws" && p[1] == "eks" {
		return p[2]
	}
	return group
}
