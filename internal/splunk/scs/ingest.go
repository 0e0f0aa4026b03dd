package scs

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/splunk/splunk-cloud-sdk-go/services/ingest"
	"github.com/splunk/splunk-cloud-sdk-go/util"
)

// Event is one for ingest.
type Event struct {
	Text                     []byte
	ID                       string // events with the same ID are taken once
	Host, Source, Sourcetype string
	Time                     time.Time // the zero value for none
}

// Add adds an event to the batch. It keeps nothing of it.
func (c *Client) Add(e Event) {
	out := ingest.Event{Body: string(e.Text), Id: &e.ID}
	for _, field := range []struct {
		to   **string
		text string
	}{{&out.Host, e.Host}, {&out.Source, e.Source}, {&out.Sourcetype, e.Sourcetype}} {
		if field.text != "" {
			*field.to = &field.text
		}
	}
	if !e.Time.IsZero() {
		millis, nanos := e.Time.UnixMilli(), int32(e.Time.Nanosecond()%1_000_000) // below a million
		out.Timestamp, out.Nanos = &millis, &nanos
	}
	c.batch = append(c.batch, out)
	c.size += sizeOf(out)
}

func sizeOf(e ingest.Event) int {
	text, err := json.Marshal(e)
	if err != nil {
		panic("BUG: " + err.Error()) // strings and numbers
	}
	return len(text) + 1
}

// Full reports whether the service takes no more in one batch.
func (c *Client) Full() bool { return len(c.batch) >= maxEvents || c.size >= maxSize }

// Flush sends the batch, in parts if it has become too large, and calls
// confirmed, which may be nil.
func (c *Client) Flush(ctx context.Context, confirmed func()) error {
	if err := c.post(ctx, c.batch); err != nil {
		return err
	}
	c.batch, c.size = c.batch[:0], 0
	if confirmed != nil {
		confirmed()
	}
	return nil
}

// Settle has nothing to wait for: what ingest answers is final.
func (c *Client) Settle(context.Context) error { return nil }

func (c *Client) post(ctx context.Context, events []ingest.Event) error {
	if len(events) == 0 {
		return nil
	}
	size := 0
	for _, e := range events {
		size += sizeOf(e)
	}
	if size > limitSize && len(events) > 1 {
		return c.halves(ctx, events)
	}
	service, err := ingest.NewService(c.config(ctx))
	if err != nil {
		return err
	}
	_, err = service.PostEvents(events)
	var no *util.HTTPError
	switch {
	case err == nil:
		c.Sent += int64(len(events))
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &no) && no.HTTPStatusCode == http.StatusRequestEntityTooLarge && len(events) > 1:
		return c.halves(ctx, events)
	case errors.As(err, &no) && no.HTTPStatusCode == http.StatusRequestEntityTooLarge:
		c.Refused++
		c.transport.config.Warn("Splunk Cloud Services takes no event of %d bytes", size)
		return nil
	}
	return c.explain("sending events", err)
}

func (c *Client) halves(ctx context.Context, events []ingest.Event) error {
	half := len(events) / 2
	if err := c.post(ctx, events[:half]); err != nil {
		return err
	}
	return c.post(ctx, events[half:])
}
