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
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/splunk/splunk-cloud-sdk-go/services"
	"github.com/splunk/splunk-cloud-sdk-go/services/ingest"
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
	tenant    string

	batch []ingest.Event
	size  int

	Sent    int64 // events that were taken
	Refused int64 // events that were too large by themselves
}

// Open makes a client and asks for the first token.
func Open(ctx context.Context, c Config) (*Client, error) {
	direct, err := trust.Client(c.URL, c.CAFile, 0)
	if err != nil {
		return nil, err
	}
	t := &transport{config: c, next: direct.Transport}
	if t.config.Wait == 0 {
		t.config.Wait = firstWait
	}
	if c.Token == "" {
		if t.auth, err = trust.Client(c.AuthURL, c.CAFile, tryTimeout); err != nil {
			return nil, fmt.Errorf("the address for tokens: %w", err)
		}
	}
	if err := t.renew(ctx); err != nil {
		return nil, err
	}
	return &Client{transport: t, tenant: c.Tenant}, nil
}

// config makes the SDK's settings for calls within a context, which the SDK's own
// functions do not take.
func (c *Client) config(ctx context.Context) *services.Config {
	u, _ := url.Parse(c.transport.config.URL) // Open parsed it
	return &services.Config{
		Scheme: u.Scheme, OverrideHost: u.Host, Tenant: c.tenant, TokenRetriever: c.transport,
		RoundTripper: roundTripper(func(r *http.Request) (*http.Response, error) { return c.transport.send(ctx, r) }),
		Timeout:      callTimeout, // of a call with all its repetitions
	}
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
