package cloudwatch

import "time"

const (
	// overlap is how far before the last event each look begins: the lag of
	// writers that is made good at once.
	overlap = 5 * time.Minute

	// A wide look goes back sweep, once in sweepEvery: for writers that lag
	// longer. What it makes good is the difference of the two, a lag of 20
	// minutes, since an event may become visible just after such a look.
	sweep      = 30 * time.Minute
	sweepEvery = 10 * time.Minute

	// every is how long to wait between two looks.
	every = 30 * time.Second

	// AWS allows 5 calls of FilterLogEvents a second for an account and region,
	// and that cannot be raised. Others share it.
	callsPerSecond = 4

	// attempts is how often a call is tried: AWS throttles for seconds.
	attempts = 10

	// backoff is how long to wait after a look that failed, doubled up to ten
	// times as much.
	backoff = 5 * time.Second
)
