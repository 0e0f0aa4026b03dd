package scs

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/splunk/splunk-cloud-sdk-go/idp"

	"github.com/kubeanon/kubeanon/internal/retry"
)

// transport carries the requests of the SDK to one tenant.
type transport struct {
	config Config
	next   http.RoundTripper
	auth   *http.Client // nil if the token was given
	token  idp.Context
}

// roundTripper is a function that carries requests.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// send sends a request until there is an answer that counts, or the context ends.
func (t *transport) send(ctx context.Context, r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		_ = r.Body.Close() // it was in memory
	}
	backoff, renewed := retry.Backoff{First: t.config.Wait, Last: lastWait}, false
	for tries := 0; ; tries++ {
		response, err := t.try(ctx, r, body)
		if err == nil && response.StatusCode == http.StatusUnauthorized && !renewed && t.auth != nil {
			renewed = true
			if t.renew(ctx) == nil {
				continue
			}
		}
		if err == nil && response.StatusCode >= 300 && response.StatusCode < 400 {
			// The client of the SDK would follow, and bring events and token there.
			return nil, &redirectError{r.URL.Host, response.Status}
		}
		if err == nil && response.StatusCode != http.StatusTooManyRequests && response.StatusCode < 500 {
			return response, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if tries == maxTries {
			return response, err
		}
		wait, what := backoff.Delay(tries), fmt.Sprint(err)
		if err == nil {
			what = response.Status
			wait = max(wait, retry.After(response.Header, lastWait))
		}
		t.config.Warn("Splunk Cloud Services: %s; trying again in %s", what, wait.Round(time.Millisecond))
		if err := retry.Wait(ctx, retry.Jitter(wait)); err != nil {
			return nil, err
		}
	}
}

// A redirectError says that a server wanted requests to go elsewhere.
type redirectError struct{ host, status string }

func (e *redirectError) Error() string {
	return fmt.Sprintf("%s answers %s: it redirects, which Splunk Cloud Services does not; nothing was sent elsewhere", e.host, e.status)
}

// try sends a request once. The answer is read whole, so that the time of a try
// holds for all of it.
func (t *transport) try(ctx context.Context, r *http.Request, body []byte) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	again := r.Clone(ctx)
	if body != nil {
		again.Body = io.NopCloser(bytes.NewReader(body))
	}
	again.Header.Set("Authorization", "Bearer "+t.token.AccessToken)
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

// GetTokenContext gives the SDK the token.
func (t *transport) GetTokenContext() (*idp.Context, error) {
	token := t.token
	return &token, nil
}

// renew gets an access token (OAuth 2.0, RFC 6749 section 4.4).
func (t *transport) renew(ctx context.Context) error {
	if t.config.Token != "" {
		t.token = idp.Context{AccessToken: t.config.Token, TokenType: "Bearer", ExpiresIn: 365 * 24 * 3600, StartTime: time.Now().Unix()}
		return nil
	}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"client_credentials"}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.config.AuthURL, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.SetBasicAuth(t.config.ClientID, t.config.Secret) // as the SDK does: not encoded, whatever the RFC says
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := t.auth.Do(r)
	if err != nil {
		return fmt.Errorf("asking for a token: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("asking for a token: %s; check the client ID and secret", response.Status)
	}
	token := idp.Context{StartTime: time.Now().Unix()}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxToken)).Decode(&token); err != nil || token.AccessToken == "" {
		return errors.New("asking for a token: the answer holds none")
	}
	t.token = token
	return nil
}
