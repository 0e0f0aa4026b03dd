package retry_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubeanon/kubeanon/internal/retry"
)

// TestDelay: the wait doubles, ends at its bound, and never overflows.
func TestDelay(t *testing.T) {
	b := retry.Backoff{First: time.Second, Last: 30 * time.Second}
	for failures, want := range map[int]time.Duration{
		0: time.Second, 1: 2 * time.Second, 4: 16 * time.Second, 5: 30 * time.Second, 63: 30 * time.Second, 64: 30 * time.Second, math.MaxInt: 30 * time.Second,
	} {
		if got := b.Delay(failures); got != want {
			t.Errorf("after %d failures %s, want %s", failures, got, want)
		}
	}
	if got := (retry.Backoff{First: time.Minute, Last: time.Second}).Delay(3); got != time.Second {
		t.Errorf("%s exceeds the bound", got)
	}
	if got := (retry.Backoff{First: time.Hour, Last: math.MaxInt64}).Delay(20); got != time.Hour<<20 {
		t.Errorf("%s", got)
	}
}

// TestAfter: seconds and dates, and everything that is neither.
func TestAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().UTC() // whole seconds, in the bubble
		for text, want := range map[string]time.Duration{
			"": 0, "0": 0, "7": 7 * time.Second, "-7": 0, "61": time.Minute, "soon": 0, "1.5": 0, "7 s": 0,
			strconv.Itoa(math.MaxInt64):                          time.Minute,
			strconv.Itoa(math.MinInt64):                          0,
			"99999999999999999999":                               0, // no number of 64 bits: invalid
			now.Add(9 * time.Second).Format(http.TimeFormat):     9 * time.Second,
			now.Add(9 * time.Second).Format(time.RFC850):         9 * time.Second,
			now.Add(9 * time.Second).Format(time.ANSIC):          9 * time.Second,
			now.Add(time.Hour).Format(http.TimeFormat):           time.Minute,
			now.Add(-time.Hour).Format(http.TimeFormat):          0,
			"Fri, 31 Dec 9999 23:59:59 GMT":                      time.Minute,
			"Mon, 01 Jan 0001 00:00:00 GMT":                      0,
			now.Add(9 * time.Second).Format(time.RFC3339):        0,
			"Thu, 32 Jan 2026 00:00:00 GMT":                      0,
			now.Add(9 * time.Second).Format(http.TimeFormat)[5:]: 0,
		} {
			if got := retry.After(http.Header{"Retry-After": {text}}, time.Minute); got != want {
				t.Errorf("Retry-After: %q: %s, want %s", text, got, want)
			}
		}
		if got := retry.After(http.Header{}, time.Minute); got != 0 {
			t.Errorf("no header: %s", got)
		}
	})
}

// TestJitter: within a quarter, and not always the same.
func TestJitter(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 1000 {
		d := retry.Jitter(time.Second)
		if d < 750*time.Millisecond || d > 1250*time.Millisecond {
			t.Fatal(d)
		}
		seen[d] = true
	}
	if len(seen) < 100 {
		t.Errorf("%d different waits of 1000", len(seen))
	}
	if d := retry.Jitter(0); d != 0 {
		t.Error(d)
	}
}

// TestWait: as long as it was asked for, but no longer than its context.
func TestWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		if err := retry.Wait(ctx, 30*time.Second); err != nil || time.Since(begin) != 30*time.Second {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
		if err := retry.Wait(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Minute {
			t.Errorf("%v after %s", err, time.Since(begin))
		}
		if err := retry.Wait(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Minute {
			t.Errorf("after the end: %v after %s", err, time.Since(begin))
		}
	})
}
