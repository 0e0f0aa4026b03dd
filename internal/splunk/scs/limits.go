package scs

import "time"

const (
	// What ingest takes in one request, by its documentation: 500 events and
	// 1,000,000 bytes. A batch is full a little earlier, so that the next event
	// still has room; what became too large nevertheless goes in parts.
	maxEvents = 500
	maxSize   = 900_000
	limitSize = 1_000_000

	// pageSize is how many results are read at a time.
	pageSize = 5000

	// maxResults is what the SDK can count to: it writes offsets as float32.
	maxResults = 1<<24 - pageSize

	// maxAnswer bounds an answer in memory: a page of results of audit events.
	maxAnswer = 256 << 20

	// maxToken bounds what is read of the answer with a token; real ones have a
	// few kB.
	maxToken = 1 << 20

	// tryTimeout bounds one try, callTimeout all of them.
	tryTimeout  = time.Minute
	callTimeout = 30 * time.Minute

	// The wait before a repetition, doubled each time, and how many there are:
	// about five minutes.
	firstWait = time.Second
	lastWait  = 30 * time.Second
	maxTries  = 14

	// firstPoll is how soon a job is looked at for the first time.
	firstPoll = 50 * time.Millisecond

	// cancelTimeout is how long Ctrl-C waits for a job to be cancelled.
	cancelTimeout = 5 * time.Second
)
