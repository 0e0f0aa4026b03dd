// Package passwords reads secrets that Splunk keeps: storage/passwords, over
// splunkd's REST API with the session key of an input.
//
// Sources: Splunk's REST API reference (storage/passwords); the form in which
// add-ons made with Splunk's UCC framework keep long secrets, in pieces.
package passwords

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/kubeanon/kubeanon/internal/splunk/trust"
)

// separator stands in the names of secrets that UCC add-ons cut into pieces,
// between the name and the number of the piece; the piece that marks the end
// has it in its text.
const separator = "``splunk_cred_sep``"

// Store is splunkd, as an input was told of it.
type Store struct {
	URI        string // such as https://127.0.0.1:8089
	SessionKey string
	App        string
	CAFile     string // of splunkd's certificate; without one only a splunkd on this machine is trusted
}

// Get reads the secret of a name, written as user or realm:user, without white
// space around it: a file that was stored as a secret ends with a line break. A
// secret that is empty or of several lines is an error, since nothing may be taken
// for "no secret is needed".
func (s Store) Get(ctx context.Context, name string) (string, error) {
	text, err := s.stored(ctx, name)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(text)
	switch {
	case secret == "":
		return "", fmt.Errorf("the credential %q is empty; store it again with the endpoint storage/passwords of the app %s", name, s.App)
	case strings.ContainsAny(secret, "\r\n"):
		return "", fmt.Errorf("the credential %q has several lines; store one line", name)
	}
	return secret, nil
}

// stored reads the text that splunkd keeps under a name.
func (s Store) stored(ctx context.Context, name string) (string, error) {
	client, err := trust.Client(s.URI, s.CAFile, timeout)
	if err != nil {
		return "", err
	}
	u := fmt.Sprintf("%s/servicesNS/nobody/%s/storage/passwords?output_mode=json&count=0", strings.TrimRight(s.URI, "/"), url.PathEscape(s.App))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Splunk "+s.SessionKey)
	answer, err := client.Do(request)
	if err != nil {
		return "", fmt.Errorf("reading the credential %q: %w", name, err)
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("reading the credential %q: splunkd answers %s", name, answer.Status)
	}
	var list struct {
		Entry []struct {
			Content struct {
				Realm, Username string
				Clear           string `json:"clear_password"`
			}
		}
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(&list); err != nil {
		return "", fmt.Errorf("reading the credential %q: %w", name, err)
	}
	type piece struct {
		n    int
		text string
	}
	var pieces []piece
	for _, e := range list.Entry {
		full := e.Content.Username
		if e.Content.Realm != "" {
			full = e.Content.Realm + ":" + full
		}
		if full == name {
			return e.Content.Clear, nil
		}
		if rest, ok := strings.CutPrefix(full, name+separator); ok {
			n, err := strconv.Atoi(rest)
			if err == nil && !strings.HasPrefix(e.Content.Clear, separator) { // the mark at the end
				pieces = append(pieces, piece{n, e.Content.Clear})
			}
		}
	}
	if len(pieces) == 0 {
		return "", fmt.Errorf("there is no credential %q; store one with the endpoint storage/passwords of the app %s", name, s.App)
	}
	slices.SortFunc(pieces, func(a, b piece) int { return a.n - b.n })
	var secret strings.Builder
	for _, p := range pieces {
		secret.WriteString(p.text)
	}
	return secret.String(), nil
}
