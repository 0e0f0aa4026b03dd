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
)

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
