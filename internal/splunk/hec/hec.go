// Package hec sends events to Splunk's HTTP Event Collector.
//
// Source: Splunk's documentation of the endpoint services/collector/event and
// of its response codes.
package hec

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 64 << 10

	// timeout bounds one request.
	timeout = 30 * time.Second

	// The wait before a batch is sent again, doubled each time.
	firstWait = time.Second
	lastWait  = 30 * time.Second
)

// Client sends batches of events. Add collects one, Flush sends it. It is not
// safe for concurrent use.
type Client struct {
	URL        string // such as https://splunk.example.com:8088
	Token      string
	Index      string // empty for that of the token
	Sourcetype string
	Warn       func(format string, args ...any)
	Wait       time.Duration // before the first repetition; 0 for a second

	client *http.Client
	body   bytes.Buffer
	Sent   int64 // events
	Again  int64 // batches that were sent once more
}

// Open makes the connection's settings. caFile holds the certificates to trust
// beside those of the system; it may be empty.
func (c *Client) Open(caFile string) error {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile != "" {
		text, err := os.ReadFile(caFile)
		if err != nil {
			return err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return fmt.Errorf("%s holds no certificate in PEM", caFile)
		}
	}
	if c.Wait == 0 {
		c.Wait = firstWait
	}
	c.client = &http.Client{
		Timeout:   timeout,
		Transport: &http.Transport{TLSClientConfig: config, Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("the collector does not redirect") // the token stays here
		},
	}
	return nil
}

// Add adds an event to the batch.
func (c *Client) Add(text []byte, source string, at time.Time) {
	event := struct {
		Time       string `json:"time,omitempty"`
		Source     string `json:"source,omitempty"`
		Sourcetype string `json:"sourcetype,omitempty"`
		Index      string `json:"index,omitempty"`
		Event      string `json:"event"`
	}{Source: source, Sourcetype: c.Sourcetype, Index: c.Index, Event: string(text)}
	if !at.IsZero() {
		event.Time = strconv.FormatInt(at.Unix(), 10) + at.Format(".000000")
	}
	line, err := json.Marshal(event)
	if err != nil {
		panic("BUG: " + err.Error()) // strings only
	}
	c.body.Write(line)
	c.body.WriteByte('\n')
}

// Flush sends the batch, again and again, until Splunk has it or the context
// ends. What Splunk says no to for good is an error too: somebody has to look.
func (c *Client) Flush(ctx context.Context) error {
	defer c.body.Reset()
	n := bytes.Count(c.body.Bytes(), []byte("\n"))
	if n == 0 {
		return nil
	}
	for wait := c.Wait; ; wait = min(2*wait, lastWait) {
		err := c.post(ctx)
		if err == nil {
			c.Sent += int64(n)
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c.Warn("the HTTP Event Collector: %v; sending again in %s", err, wait)
		c.Again++
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

func (c *Client) post(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(c.URL, "/")+"/services/collector/event", bytes.NewReader(c.body.Bytes()))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Splunk "+c.Token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := c.client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return err
	}
	var said struct {
		Text string `json:"text"`
		Code int    `json:"code"`
	}
	_ = json.Unmarshal(text, &said) // a proxy may answer something else
	if answer.StatusCode != http.StatusOK || said.Code != 0 {
		return fmt.Errorf("%s (code %d: %s)", answer.Status, said.Code, said.Text)
	}
	return nil
}
