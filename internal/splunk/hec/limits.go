package hec

import "time"

const (
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 64 << 10

	// timeout bounds one request. An indexer whose queues are full takes its
	// time, and answers 503 in the end.
	timeout = 30 * time.Second

	// The wait before a request is sent again, doubled each time.
	firstWait = time.Second
	lastWait  = 30 * time.Second

	// maxTries is after how many a client gives up that is not told to go on
	// for ever: with the waits above about five minutes.
	maxTries = 15

	// maxRefusals is how many refused events are named; all are counted.
	maxRefusals = 10

	// maxAsked bounds how many requests wait for acknowledgement: their bodies
	// are kept, to be sent again. It is also what loading an indexer pays for.
	maxAsked = 16

	// ackTimeout is when a request without acknowledgement counts as lost.
	// Splunk's own advice is to give up after some minutes.
	ackTimeout = 3 * time.Minute

	// ackPoll is how often acknowledgements are asked for; indexers write
	// theirs down about each second.
	ackPoll = time.Second
)
