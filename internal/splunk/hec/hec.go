// Package hec sends events to Splunk's HTTP Event Collector.
//
// Source: Splunk's documentation of the endpoints services/collector/event and
// services/collector/ack, and of their response codes.
package hec

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/kubeanon/kubeanon/internal/splunk/trust"
)

// Client sends batches of events. Add collects one, Flush sends it. It is not
// safe for concurrent use.
type Client struct {
	URL        string // such as https://splunk.example.com:8088
	Token      string
	Index      string // empty for that of the token
	Sourcetype string // of events that bring none
	Warn       func(format string, args ...any)
	Wait       time.Duration // before the first repetition; 0 for a second
	Gzip       bool          // bodies are sent packed
	Ack        bool          // ask the indexers whether they have it; the token has to allow that
	Forever    bool          // for a service: what is refused for good is sent again too, since somebody may mend it

	client  *http.Client
	channel string
	batch   []byte // events, one behind the other
	ends    []int  // where in batch each of them ends
	packed  bytes.Buffer
	asked   []*request // sent, and not yet acknowledged, in order

	Sent    int64 // events that Splunk has
	Again   int64 // requests that were sent once more: their events may be there twice
	Refused int64 // events that Splunk took none of, for what is in them
}

// Event is what Splunk is told beside the text.
type Event struct {
	Text         []byte
	Host, Source string    // empty for what the token says
	Sourcetype   string    // empty for that of the client
	Index        string    // empty for that of the client
	Time         time.Time // the zero value if Splunk is to find one
}

// FatalError is an answer that does not change by asking again.
type FatalError struct {
	Code int // of the collector, 0 if it was not the collector that answered
	Text string
}

func (e *FatalError) Error() string { return e.Text }

// Open makes the connection's settings. caFile holds the certificates to trust
// beside those of the system; it may be empty.
func (c *Client) Open(caFile string) (err error) {
	if c.Wait == 0 {
		c.Wait = firstWait
	}
	c.channel = guid()
	c.client, err = trust.Client(c.URL, caFile, timeout)
	return err
}

// Close lets go of the connections.
func (c *Client) Close() { c.client.CloseIdleConnections() }

// Add adds an event to the batch. It keeps nothing of it.
func (c *Client) Add(e Event) {
	line := struct {
		Time       string `json:"time,omitempty"`
		Host       string `json:"host,omitempty"`
		Source     string `json:"source,omitempty"`
		Sourcetype string `json:"sourcetype,omitempty"`
		Index      string `json:"index,omitempty"`
		Event      string `json:"event"`
	}{Host: e.Host, Source: e.Source, Sourcetype: e.Sourcetype, Index: e.Index, Event: string(e.Text)}
	if line.Sourcetype == "" {
		line.Sourcetype = c.Sourcetype
	}
	if line.Index == "" {
		line.Index = c.Index
	}
	if !e.Time.IsZero() {
		line.Time = strconv.FormatInt(e.Time.Unix(), 10) + e.Time.Format(".000000")
	}
	text, err := json.Marshal(line)
	if err != nil {
		panic("BUG: " + err.Error()) // strings only
	}
	c.batch = append(append(c.batch, text...), '\n')
	c.ends = append(c.ends, len(c.batch))
}

// Batch is how many events wait for Flush, and their size.
func (c *Client) Batch() (events, size int) { return len(c.ends), len(c.batch) }

// Flush sends the batch, again and again while that may help. Confirmed is
// called when Splunk has it: at once, or with Ack in a later call of Flush or
// Settle; it may be nil. Batches are confirmed in their order.
//
// An error is final: of the context, or a FatalError. Then the batch is still
// there.
func (c *Client) Flush(ctx context.Context, confirmed func()) error {
	if len(c.ends) > 0 {
		if err := c.send(ctx, c.batch, c.ends, confirmed); err != nil {
			return err
		}
		c.batch, c.ends = c.batch[:0], c.ends[:0]
	}
	for len(c.asked) >= maxAsked {
		if err := c.settleSome(ctx); err != nil {
			return err
		}
	}
	return nil
}

// send sends events until Splunk has them all, but those that it refuses one by
// one. The end of each is an offset in body.
func (c *Client) send(ctx context.Context, body []byte, ends []int, confirmed func()) error {
	refused := func(text string, n int) {
		c.Refused++
		if c.Refused <= maxRefusals {
			c.Warn("the HTTP Event Collector takes no event like this: %s: %.200q", text, cut(body, ends, n, n+1))
		}
	}
	for tries := 0; len(ends) > 0; {
		a, err := c.post(ctx, body)
		var next int // how many events are settled
		switch {
		case err == nil && a.ok():
			if c.Ack {
				if a.AckID == nil {
					return &FatalError{a.Code, "the collector gave no ackId: its token does not have \"useACK\""}
				}
				c.asked = append(c.asked, &request{id: *a.AckID, body: bytes.Clone(body), ends: append([]int(nil), ends...), sent: time.Now(), confirmed: confirmed})
			} else {
				c.Sent += int64(len(ends))
				if confirmed != nil {
					confirmed()
				}
			}
			if a.Code == 24 || a.Code == 25 { // taken, and its queue is nearly full
				return c.pause(ctx, c.Wait)
			}
			return nil
		case err == nil && a.status == http.StatusRequestEntityTooLarge && len(ends) > 1:
			half := len(ends) / 2
			if err := c.send(ctx, cut(body, ends, 0, half), ends[:half], nil); err != nil {
				return err
			}
			next = half
		case err == nil && a.status == http.StatusRequestEntityTooLarge:
			refused("too large", 0)
			next = 1
		case err == nil && a.badEvent() && a.Number != nil && *a.Number >= 0 && *a.Number < len(ends):
			refused(a.Text, *a.Number)
			c.Sent += int64(*a.Number)
			next = *a.Number + 1
		case err == nil && a.fatal() && !c.Forever:
			return &FatalError{a.Code, fmt.Sprintf("%s (code %d: %s)%s", http.StatusText(a.status), a.Code, a.Text, a.hint())}
		default:
			if err == nil {
				err = fmt.Errorf("%d %s (code %d: %s)%s", a.status, http.StatusText(a.status), a.Code, a.Text, a.hint())
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			wait := max(min(c.Wait<<min(tries, 20), lastWait), a.after)
			c.Warn("the HTTP Event Collector: %v; sending again in %s", err, wait.Round(time.Millisecond))
			c.Again++
			tries++
			if !c.Forever && tries == maxTries {
				return fmt.Errorf("the HTTP Event Collector does not answer: %w", err)
			}
			if err := c.pause(ctx, wait); err != nil {
				return err
			}
			continue
		}
		tries = 0
		from := ends[next-1]
		body = body[from:]
		rest := make([]int, 0, len(ends)-next)
		for _, end := range ends[next:] {
			rest = append(rest, end-from)
		}
		ends = rest
	}
	// All that was left has been settled in parts.
	if c.Ack {
		c.asked = append(c.asked, &request{done: true, confirmed: confirmed})
	} else if confirmed != nil {
		confirmed()
	}
	return nil
}

// cut is the text of the events from i to j.
func cut(body []byte, ends []int, i, j int) []byte {
	from := 0
	if i > 0 {
		from = ends[i-1]
	}
	return body[from:ends[j-1]]
}

// pause waits, a little shorter or longer than it is told, so that many clients
// do not come back at once.
func (c *Client) pause(ctx context.Context, d time.Duration) error {
	d = d*3/4 + mathrand.N(d/2+1)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (c *Client) post(ctx context.Context, body []byte) (answer, error) {
	if c.Gzip {
		c.packed.Reset()
		w, _ := gzip.NewWriterLevel(&c.packed, gzip.BestSpeed) // the level is right
		_, _ = w.Write(body)                                   // to memory
		_ = w.Close()
		body = c.packed.Bytes()
	}
	return c.call(ctx, "/services/collector/event", body, c.Gzip)
}

func (c *Client) call(ctx context.Context, path string, body []byte, packed bool) (a answer, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(c.URL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	r.Header.Set("Authorization", "Splunk "+c.Token)
	r.Header.Set("Content-Type", "application/json")
	if packed {
		r.Header.Set("Content-Encoding", "gzip")
	}
	if c.Ack {
		r.Header.Set("X-Splunk-Request-Channel", c.channel)
	}
	response, err := c.client.Do(r)
	if err != nil {
		return a, err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return a, err
	}
	_ = json.Unmarshal(text, &a) // a proxy may answer something else
	a.status = response.StatusCode
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		a.after = min(time.Duration(seconds)*time.Second, lastWait)
	}
	return a, nil
}
