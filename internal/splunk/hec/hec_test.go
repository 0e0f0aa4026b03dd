package hec_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/kubeanon/kubeanon/internal/splunk/hec"
	"github.com/kubeanon/kubeanon/internal/testing/fakehec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "11111111-2222-3333-4444-555555555555"

// client opens a client of a collector; what it warns of is kept.
func client(t *testing.T, fake *fakehec.Collector, c *hec.Client) *[]string {
	t.Helper()
	fake.Token = token
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	var warnings []string
	c.URL, c.Token, c.Wait = server.URL, token, time.Millisecond
	c.Warn = func(format string, args ...any) { warnings = append(warnings, fmt.Sprintf(format, args...)) }
	if err := c.Open(""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &warnings
}

func add(c *hec.Client, from, n int) {
	for i := range n {
		c.Add(hec.Event{Text: fmt.Appendf(nil, "event %d", from+i)})
	}
}

// texts counts what arrived.
func texts(fake *fakehec.Collector) map[string]int {
	got := map[string]int{}
	for _, e := range fake.Events() {
		got[e.Text()]++
	}
	return got
}

// TestFields: what goes over the wire.
func TestFields(t *testing.T) {
	fake := &fakehec.Collector{}
	c := &hec.Client{Sourcetype: "kube:audit", Index: "k8s", Gzip: true}
	client(t, fake, c)
	c.Add(hec.Event{Text: []byte("a\"b\x00\xff"), Source: "s", Time: time.Unix(1_800_000_000, 123_456_789)})
	c.Add(hec.Event{Text: []byte(`{"a":1}`), Host: "h", Sourcetype: "other", Index: "main"})
	if events, size := c.Batch(); events != 2 || size < 100 {
		t.Errorf("%d events of %d bytes", events, size)
	}
	if err := c.Flush(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	want := []fakehec.Event{
		{Event: []byte(`"a\"b\u0000\ufffd"`), Time: "1800000000.123456", Source: "s", Sourcetype: "kube:audit", Index: "k8s"},
		{Event: []byte(`"{\"a\":1}"`), Host: "h", Sourcetype: "other", Index: "main"},
	}
	if diff := cmp.Diff(want, fake.Events()); diff != "" {
		t.Error(diff)
	}
	if fake.Packed != 1 || c.Sent != 2 {
		t.Errorf("packed %d, sent %d", fake.Packed, c.Sent)
	}
}

// TestFaults: whatever happens, nothing is lost; what may be there twice is
// counted.
func TestFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault fakehec.Fault
		twice bool
	}{
		"busy": {fakehec.Busy, false}, "error": {fakehec.Error, false}, "proxy": {fakehec.BadProxy, false},
		"reset": {fakehec.Reset, false}, "swallowed": {fakehec.Swallowed, true}, "nearly full": {fakehec.Nearly, false},
	} {
		t.Run(name, func(t *testing.T) {
			fake := &fakehec.Collector{Fault: func(request int) fakehec.Fault {
				if request%3 != 0 {
					return tt.fault
				}
				return fakehec.None
			}}
			c := &hec.Client{}
			client(t, fake, c)
			confirmed := 0
			for i := range 10 {
				add(c, 5*i, 5)
				if err := c.Flush(t.Context(), func() { confirmed++ }); err != nil {
					t.Fatal(err)
				}
			}
			got := texts(fake)
			if len(got) != 50 || confirmed != 10 || c.Sent != 50 {
				t.Errorf("%d of 50 events, %d of 10 batches confirmed, %d sent", len(got), confirmed, c.Sent)
			}
			if twice := int64(len(fake.Events()) - 50); twice > 5*c.Again || (twice > 0) != tt.twice {
				t.Errorf("%d events twice, %d requests repeated", twice, c.Again)
			}
		})
	}
}

// TestTooLarge: a batch is halved until it fits; an event that never does is
// refused, named and counted.
func TestTooLarge(t *testing.T) {
	fake := &fakehec.Collector{MaxSize: 150}
	c := &hec.Client{}
	warnings := client(t, fake, c)
	add(c, 0, 17)
	c.Add(hec.Event{Text: []byte(strings.Repeat("x", 200))})
	add(c, 17, 3)
	confirmed := 0
	if err := c.Flush(t.Context(), func() { confirmed++ }); err != nil {
		t.Fatal(err)
	}
	if got := texts(fake); len(got) != 20 || len(fake.Events()) != 20 || c.Sent != 20 || c.Refused != 1 || confirmed != 1 {
		t.Errorf("%d events, %d sent, %d refused, %d confirmed", len(got), c.Sent, c.Refused, confirmed)
	}
	if len(*warnings) != 1 || !strings.Contains((*warnings)[0], "too large") {
		t.Errorf("%q", *warnings)
	}
}

// TestBadEvent: a bad event is cut out, and those behind it go on.
func TestBadEvent(t *testing.T) {
	fake := &fakehec.Collector{}
	c := &hec.Client{}
	client(t, fake, c)
	for i := range 9 {
		if i%3 == 2 {
			c.Add(hec.Event{}) // blank: code 13
		}
		add(c, i, 1)
	}
	if err := c.Flush(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := texts(fake); len(got) != 9 || len(fake.Events()) != 9 || c.Sent != 9 || c.Refused != 3 {
		t.Errorf("%d events (%d), %d sent, %d refused", len(got), len(fake.Events()), c.Sent, c.Refused)
	}
}

// TestFatal: what does not change by asking again ends it at once, with a hint
// and without the token.
func TestFatal(t *testing.T) {
	for want, change := range map[string]func(*hec.Client, *fakehec.Collector){
		"code 4: Invalid token); check the token":                             func(c *hec.Client, _ *fakehec.Collector) { c.Token = "wrong" },
		"code 7: Incorrect index); the token may not write to this index":     func(c *hec.Client, f *fakehec.Collector) { c.Index, f.Indexes = "no", []string{"main"} },
		"code 10: Data channel is missing); acknowledgement and the token's":  func(_ *hec.Client, f *fakehec.Collector) { f.UseACK = true },
		"no ackId: its token does not have \"useACK\"":                        func(c *hec.Client, _ *fakehec.Collector) { c.Ack = true },
		"Not Found (code 404: The requested URL was not found on this server": func(c *hec.Client, _ *fakehec.Collector) { c.URL += "/other" },
	} {
		fake := &fakehec.Collector{}
		c := &hec.Client{}
		client(t, fake, c)
		change(c, fake)
		add(c, 0, 2)
		err := c.Flush(t.Context(), nil)
		var fatal *hec.FatalError
		if !errors.As(err, &fatal) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), token) {
			t.Errorf("%v, want %s", err, want)
		}
		if events, _ := c.Batch(); events != 2 || c.Sent != 0 {
			t.Errorf("%s: the batch is gone", want)
		}
	}
}

// TestHint: who goes on for ever says what to do, too.
func TestHint(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"kind":"Status","status":"Failure","code":403}`, http.StatusForbidden)
	}))
	defer other.Close()
	for want, url := range map[string]string{"code 4: Invalid token); check the token; ": "", "is this the address of the collector": other.URL} {
		ctx, cancel := context.WithCancel(t.Context())
		var warned string
		c := &hec.Client{}
		client(t, &fakehec.Collector{}, c)
		c.Token, c.Forever = "wrong", true
		c.Warn = func(format string, args ...any) {
			warned = fmt.Sprintf(format, args...)
			cancel()
		}
		if url != "" {
			c.URL = url
		}
		add(c, 0, 1)
		if err := c.Flush(ctx, nil); !errors.Is(err, context.Canceled) || !strings.Contains(warned, want) {
			t.Errorf("%v, %q, want %s", err, warned, want)
		}
		cancel()
	}
}

// TestAck: what the indexers lose is sent again; batches are confirmed in their
// order, and not before.
func TestAck(t *testing.T) {
	fake := &fakehec.Collector{UseACK: true, MaxSize: 2000, Fault: func(request int) fakehec.Fault {
		switch request % 5 {
		case 1:
			return fakehec.Busy
		case 2:
			return fakehec.Swallowed
		}
		return fakehec.None
	}}
	c := &hec.Client{Ack: true, Gzip: true}
	client(t, fake, c)
	var confirmed []int
	for i := range 40 {
		add(c, 60*i, 60)
		if err := c.Flush(t.Context(), func() { confirmed = append(confirmed, i) }); err != nil {
			t.Fatal(err)
		}
	}
	if len(confirmed) == 40 {
		t.Error("confirmed before they were asked for")
	}
	if err := c.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := texts(fake); len(got) != 2400 || c.Sent != 2400 {
		t.Errorf("%d events, %d sent", len(got), c.Sent)
	}
	if len(confirmed) != 40 || confirmed[0] != 0 || confirmed[39] != 39 {
		t.Errorf("confirmed %v", confirmed)
	}
}

// TestGivesUp: by the clock of the test, a client that is not told to go on for
// ever gives up after some minutes; one that is goes on for a day.
func TestGivesUp(t *testing.T) {
	for _, forever := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			c := &hec.Client{URL: "http://127.0.0.1:0", Forever: forever, Warn: func(string, ...any) {}}
			if err := c.Open(""); err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
			defer cancel()
			add(c, 0, 1)
			err := c.Flush(ctx, nil)
			took := time.Since(begin)
			if !forever && (took < 2*time.Minute || took > 10*time.Minute || err == nil || errors.Is(err, context.DeadlineExceeded)) {
				t.Errorf("after %s: %v", took, err)
			}
			if forever && (took != 24*time.Hour || !errors.Is(err, context.DeadlineExceeded) || c.Again < 2000) {
				t.Errorf("for ever: after %s and %d repetitions: %v", took, c.Again, err)
			}
		})
	}
}
