// Package retry says how long to wait before something is tried again, and
// waits: the one backoff, the one wait with a context and the one reader of
// Retry-After.
package retry

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Backoff is a wait that doubles with each failed try, from First up to Last.
type Backoff struct{ First, Last time.Duration }

// Delay is how long to wait after a number of failures, the first of which is 0.
func (b Backoff) Delay(failures int) time.Duration {
	d := b.First
	for ; failures > 0 && d < b.Last; failures-- {
		d *= 2
	}
	return min(d, b.Last)
}

// After reads the header Retry-After of an answer, in seconds or as a date
// (RFC 9110, section 10.2.3). It is 0 if the header is missing, invalid or in the
// past, and at most most: the server chooses the text.
func After(h http.Header, most time.Duration) time.Duration {
	text := h.Get("Retry-After")
	var d time.Duration
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		d = time.Duration(min(max(seconds, 0), int64(most/time.Second)+1)) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		d = time.Until(at)
	}
	return min(max(d, 0), most)
}

// Jitter varies a duration by up to a quarter either way, so that clients that
// failed together do not come back together.
func Jitter(d time.Duration) time.Duration { return d*3/4 + rand.N(d/2+1) }

// Wait waits for a duration, or until the context ends, whose error it returns.
func Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
