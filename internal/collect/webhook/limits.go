package webhook

import "time"

const (
	// maxBody bounds a request. The API server sends batches of up to 400
	// events without a limit on their size; bodies of 2.4 MB are common.
	maxBody = 32 << 20

	// maxItems bounds the events of a request: each takes more memory than its
	// text, and an empty one has two bytes. The API server's whole buffer holds
	// 10,000 by default.
	maxItems = 100_000

	// slots is how many requests are worked on at a time, and with maxBody how
	// much memory they take. Others are refused at once: an API server that
	// has to wait piles up requests until it dies of them
	// (kubernetes/kubernetes issue 85489).
	slots = 8

	// retryAfter is what a refused API server waits, in seconds. It tries ten
	// times before that counts as one of its five attempts (client-go, for 429
	// and 5xx).
	retryAfter = "2"

	// The times of a connection: headers come at once, a body takes what a slow
	// line takes, and an answer is short.
	headerTimeout = 10 * time.Second
	readTimeout   = time.Minute
	writeTimeout  = time.Minute
	idleTimeout   = 2 * time.Minute

	// maxHeader bounds the headers of a request.
	maxHeader = 64 << 10

	// remembered is how many batches are known again when they come twice.
	remembered = 10_000
)
