package collect

import "time"

const (
	// poll is how often files are looked at. A look at a file that has not
	// changed costs two small reads.
	poll = 250 * time.Millisecond

	// parentPoll is how often to see whether splunkd is still there.
	parentPoll = time.Second

	// saveAgain is how long to wait when a checkpoint cannot be written.
	saveAgain = time.Second

	// reportEvery is how often counts go to splunkd's log.
	reportEvery = 5 * time.Minute
)

// finishing is how long requests that are under way may take at the end.
const finishing = 3 * time.Second

// leaving is how long a source goes on delivering after it should stop. What is
// not delivered by then comes with the next start: from the spool, or from where
// the checkpoint is.
const leaving = 4 * time.Second

// trying is how long AWS may take to answer while a user waits at a form.
const trying = 10 * time.Second

// DefaultSpoolMB is how much a spool keeps, in MiB, if nothing else is
// configured: half a million events of 1 KB.
const DefaultSpoolMB = 512
