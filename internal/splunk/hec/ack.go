package hec

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// request is a part of a batch that was sent and is not yet acknowledged.
type request struct {
	id        int64
	body      []byte
	ends      []int
	sent      time.Time
	done      bool
	confirmed func()
}

// Settle returns when all that was flushed is confirmed.
func (c *Client) Settle(ctx context.Context) error {
	for len(c.asked) > 0 {
		if err := c.settleSome(ctx); err != nil {
			return err
		}
	}
	return nil
}

// settleSome asks once which requests the indexers have, confirms what can be
// confirmed, and sends again what was not acknowledged for too long.
func (c *Client) settleSome(ctx context.Context) error {
	var question struct {
		Acks []int64 `json:"acks"`
	}
	for _, r := range c.asked {
		if !r.done {
			question.Acks = append(question.Acks, r.id)
		}
	}
	if len(question.Acks) > 0 {
		body, err := json.Marshal(question)
		if err != nil {
			panic("BUG: " + err.Error()) // numbers only
		}
		states, err := c.acks(ctx, body)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			c.Warn("asking for acknowledgements: %v", err)
		}
		for _, r := range c.asked {
			if !r.done && states[strconv.FormatInt(r.id, 10)] {
				r.done = true
				c.Sent += int64(len(r.ends))
			}
		}
	}
	for len(c.asked) > 0 && c.asked[0].done {
		if f := c.asked[0].confirmed; f != nil {
			f()
		}
		c.asked = c.asked[1:]
	}
	if len(c.asked) == 0 {
		return nil
	}
	if r := c.asked[0]; time.Since(r.sent) > ackTimeout {
		c.Warn("no acknowledgement for %s; sending %d events again", ackTimeout, len(r.ends))
		c.Again++
		later := c.asked[1:]
		c.asked = nil
		if err := c.send(ctx, r.body, r.ends, r.confirmed); err != nil {
			return err
		}
		c.asked = append(c.asked, later...)
		return nil
	}
	return c.pause(ctx, min(c.Wait, ackPoll))
}

// acks asks for acknowledgements. Each is told true only once.
func (c *Client) acks(ctx context.Context, question []byte) (map[string]bool, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(c.URL, "/")+"/services/collector/ack?channel="+c.channel, bytes.NewReader(question))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Splunk "+c.Token)
	r.Header.Set("Content-Type", "application/json")
	response, err := c.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	var states struct {
		Acks map[string]bool `json:"acks"`
		Text string          `json:"text"`
		Code int             `json:"code"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(&states); err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s (code %d: %s)", response.Status, states.Code, states.Text)
	}
	return states.Acks, nil
}

// guid names the channel of the acknowledgements (RFC 9562, version 4).
func guid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
