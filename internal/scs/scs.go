// Package scs sends events to Splunk Cloud Services and runs searches there, by
// splunk-cloud-sdk-go; it is the only package that knows that SDK.
//
// Splunk Cloud Services is not Splunk Cloud Platform. The SDK has had no release
// since 2023, and what is here was tested against an emulator only.
//
// What the SDK lacks is added below it, in a transport: contexts, repetitions
// with Retry-After, a fresh token after a 401, a CA, and the newer path of the
// search service. Its BatchEventsSender is not used: it loses the last event of
// each flush (TestBatchEventsSender).
package scs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/splunk/splunk-cloud-sdk-go/idp"
	"github.com/splunk/splunk-cloud-sdk-go/services"
	"github.com/splunk/splunk-cloud-sdk-go/services/ingest"
	"github.com/splunk/splunk-cloud-sdk-go/services/search"
	"github.com/splunk/splunk-cloud-sdk-go/util"

	"github.com/kubeanon/kubeanon/internal/splunk/trust"
)

// Config says which tenant, and who asks.
type Config struct {
	URL     string // such as https://api.scp.splunk.com
	Tenant  string
	CAFile  string // beside the certificates of the system
	OldPath bool   // searches go to search/v2beta1, as the SDK has it, and not to search/v2

	Token    string // an access token; or
	ClientID string // of a service account, with
	Secret   string
	AuthURL  string // where it gets its tokens, such as https://auth.scp.splunk.com/token

	Warn func(format string, args ...any)
	Wait time.Duration // before the first repetition; 0 for a second
}

// Client is a tenant. It is not safe for concurrent use.
type Client struct {
	transport *transport
	ingest    *ingest.Service
	search    *search.Service
	tenant    string

	batch []ingest.Event
	size  int

	Sent    int64 // events that were taken
	Refused int64 // events that were too large by themselves
}

// Open makes a client and asks for the first token.
func Open(ctx context.Context, c Config) (*Client, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	direct, err := trust.Client(c.URL, c.CAFile, 0)
	if err != nil {
		return nil, err
	}
	t := &transport{config: c, ctx: ctx, next: direct.Transport}
	if t.config.Wait == 0 {
		t.config.Wait = firstWait
	}
	if c.Token == "" {
		auth, err := trust.Client(c.AuthURL, c.CAFile, tryTimeout)
		if err != nil {
			return nil, fmt.Errorf("the address for tokens: %w", err)
		}
		t.auth = auth
	}
	config := &services.Config{
		Scheme: u.Scheme, OverrideHost: u.Host, Tenant: c.Tenant, TokenRetriever: t, RoundTripper: t,
		Timeout: callTimeout, // of a call with all its repetitions
	}
	client := &Client{transport: t, tenant: c.Tenant}
	if client.ingest, err = ingest.NewService(config); err != nil {
		return nil, err
	}
	if client.search, err = search.NewService(config); err != nil {
		return nil, err
	}
	return client, nil
}

// Close lets go of the connections.
func (c *Client) Close() {
	if t, ok := c.transport.next.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
	if c.transport.auth != nil {
		c.transport.auth.CloseIdleConnections()
	}
}

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
		millis, nanos := e.Time.UnixMilli(), int32(e.Time.Nanosecond()%1_000_000) //nolint:gosec // below a million
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
	c.transport.ctx = ctx
	_, err := c.ingest.PostEvents(events)
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

// explain says what to do about an error.
func (c *Client) explain(doing string, err error) error {
	var no *util.HTTPError
	if !errors.As(err, &no) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	hint := ""
	switch no.HTTPStatusCode {
	case http.StatusUnauthorized:
		hint = "; check the token, or the client ID and secret"
	case http.StatusForbidden:
		hint = "; the account may not do this in the tenant " + c.tenant
	case http.StatusNotFound:
		hint = "; is " + c.tenant + " the tenant?"
	}
	return fmt.Errorf("%s: %s (%s %s)%s", doing, no.HTTPStatus, no.Code, no.Message, hint)
}

// Search is what to look for.
type Search struct {
	Query, Earliest, Latest string
	Progress                func(percent, results int) // is told how far it is; may be nil
	Poll                    time.Duration              // how often a long job is looked at; 0 for each second
}

// Search runs a search and calls each with every row of its result, fields by
// name. When the context ends, the job is cancelled.
func (c *Client) Search(ctx context.Context, s Search, each func(map[string]any) error) (err error) {
	if s.Poll == 0 {
		s.Poll = time.Second
	}
	c.transport.ctx = ctx
	parameters := &search.QueryParameters{}
	if s.Earliest != "" {
		parameters.Earliest = &s.Earliest
	}
	if s.Latest != "" {
		parameters.Latest = &s.Latest
	}
	all := false // fields that nobody asks for
	job, err := c.search.CreateJob(search.SearchJob{Query: s.Query, QueryParameters: parameters, ExtractAllFields: &all})
	if err != nil {
		return c.explain("creating the search", or(ctx.Err(), err))
	}
	if job.Sid == nil || *job.Sid == "" {
		return errors.New("creating the search: the answer names no job")
	}
	defer func() {
		if ctx.Err() != nil {
			last, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
			defer stop()
			c.transport.ctx = last
			_, cerr := c.search.UpdateJob(*job.Sid, search.UpdateJob{Status: search.UpdateJobStatusCanceled})
			if cerr != nil {
				c.transport.config.Warn("the job %s goes on: cancelling it: %v", *job.Sid, cerr)
			}
			err = ctx.Err()
		}
	}()
	if err := c.follow(ctx, *job.Sid, s); err != nil {
		return err
	}
	for offset := 0; ; {
		if offset > maxResults {
			return fmt.Errorf("the search has more than %d results; take a shorter time", maxResults)
		}
		query := search.ListResultsQueryParams{}.SetCount(pageSize).SetOffset(float32(offset))
		page, err := c.search.ListResults(*job.Sid, &query)
		if err != nil {
			return c.explain("reading results", or(ctx.Err(), err))
		}
		for _, row := range page.Results {
			if err := each(row); err != nil {
				return err
			}
		}
		offset += len(page.Results)
		if len(page.Results) < pageSize {
			return nil
		}
	}
}

// follow returns when the job is done.
func (c *Client) follow(ctx context.Context, sid string, s Search) error {
	for wait := min(s.Poll, firstPoll); ; wait = min(2*wait, s.Poll) { // short searches end soon
		job, err := c.search.GetJob(sid)
		if err != nil {
			return c.explain("following the search", or(ctx.Err(), err))
		}
		if job.Status == nil {
			return errors.New("following the search: the answer has no status")
		}
		if s.Progress != nil {
			s.Progress(number(job.PercentComplete), number(job.ResultsAvailable))
		}
		switch *job.Status {
		case search.SearchStatusDone:
			return nil
		case search.SearchStatusFailed, search.SearchStatusCanceled:
			reason := string(*job.Status)
			for _, m := range job.Messages {
				if m.Text != nil {
					reason += ": " + *m.Text
				}
			}
			return fmt.Errorf("the search %s", reason)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

func number(n *int32) int {
	if n == nil {
		return 0
	}
	return int(*n)
}

func or(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// transport carries the requests of the SDK.
type transport struct {
	config Config
	ctx    context.Context // of the call that is going on
	next   http.RoundTripper
	auth   *http.Client
	fresh  string // a token that is newer than the SDK's
}

// RoundTrip sends a request until there is an answer that counts.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close() // it was in memory
	}
	renewed := false
	for tries := 0; ; tries++ {
		response, err := t.try(r, body)
		if err == nil && response.StatusCode == http.StatusUnauthorized && !renewed && t.auth != nil {
			renewed = true
			if token, terr := t.GetTokenContext(); terr == nil {
				t.fresh = token.AccessToken
				continue
			}
		}
		if err == nil && response.StatusCode != http.StatusTooManyRequests && response.StatusCode < 500 {
			return response, nil
		}
		if t.ctx.Err() != nil {
			return nil, t.ctx.Err()
		}
		if tries == maxTries {
			return response, err
		}
		wait := min(t.config.Wait<<min(tries, 20), lastWait)
		what := fmt.Sprint(err)
		if err == nil {
			what = response.Status
			if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
				wait = max(wait, min(time.Duration(seconds)*time.Second, lastWait))
			}
		}
		t.config.Warn("Splunk Cloud Services: %s; trying again in %s", what, wait.Round(time.Millisecond))
		select {
		case <-t.ctx.Done():
			return nil, t.ctx.Err()
		case <-time.After(wait*3/4 + mathrand.N(wait/2+1)):
		}
	}
}

// try sends a request once. The answer is read whole, so that the time of a try
// holds for all of it.
func (t *transport) try(r *http.Request, body []byte) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(t.ctx, tryTimeout)
	defer cancel()
	again := r.Clone(ctx)
	if body != nil {
		again.Body = io.NopCloser(bytes.NewReader(body))
	}
	if t.fresh != "" {
		again.Header.Set("Authorization", "Bearer "+t.fresh)
	}
	if !t.config.OldPath {
		again.URL.Path = strings.Replace(again.URL.Path, "/search/v2beta1/", "/search/v2/", 1)
	}
	response, err := t.next.RoundTrip(again)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(text))
	return response, nil
}

// GetTokenContext gets an access token (OAuth 2.0, RFC 6749 section 4.4).
func (t *transport) GetTokenContext() (*idp.Context, error) {
	if t.config.Token != "" {
		return &idp.Context{AccessToken: t.config.Token, TokenType: "Bearer", ExpiresIn: 365 * 24 * 3600, StartTime: time.Now().Unix()}, nil
	}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"client_credentials"}}
	r, err := http.NewRequestWithContext(t.ctx, http.MethodPost, t.config.AuthURL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.SetBasicAuth(t.config.ClientID, t.config.Secret) // as the SDK does: not encoded, whatever the RFC says
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := t.auth.Do(r)
	if err != nil {
		return nil, fmt.Errorf("asking for a token: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("asking for a token: %s; check the client ID and secret", response.Status)
	}
	token := &idp.Context{StartTime: time.Now().Unix()}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxToken)).Decode(token); err != nil || token.AccessToken == "" {
		return nil, errors.New("asking for a token: the answer holds none")
	}
	return token, nil
}
