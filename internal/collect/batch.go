package collect

import "errors"

// batch is what the spool keeps of one request.
type batch struct {
	Cluster string // that the request was posted for; empty if its path named none
	Events  [][]byte
}

// encode makes the records of a batch: the cluster, and each event.
func (b batch) encode() [][]byte {
	records := make([][]byte, 0, 1+len(b.Events))
	records = append(records, []byte(b.Cluster))
	return append(records, b.Events...)
}

// errNoBatch says that records were not made by encode.
var errNoBatch = errors.New("a batch without a cluster")

// decodeBatch reads the records of a batch. Its events are views of them.
func decodeBatch(records [][]byte) (batch, error) {
	if len(records) == 0 {
		return batch{}, errNoBatch
	}
	return batch{Cluster: string(records[0]), Events: records[1:]}, nil
}

// source is what Splunk is told as the source of the events.
func (b batch) source() string {
	if b.Cluster == "" {
		return "webhook"
	}
	return "webhook:" + b.Cluster
}
