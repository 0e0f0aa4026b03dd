// Package export runs a search on a search head and reads its results as they
// come, over splunkd's REST API.
//
// Source: Splunk's REST API reference, search/v2/jobs/export (Splunk 9.0.1 and
// later; older ones have only the first version of the path).
package export

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

	"github.com/kubeanon/kubeanon/internal/splunk/trust"
)

// Server is the REST API of a search head.
type Server struct {
	URL    string // such as https://splunk.example.com:8089
	Token  string // an authentication token (Settings > Tokens)
	CAFile string
	App    string // whose macros the search may use
}

// Search is what to look for. The times are Splunk's, such as -24h@h.
type Search struct{ Query, Earliest, Latest string }

// Row is a result, fields by name; a multivalue has several values.
type Row map[string][]string

// Run runs a search and calls each with every row, in order. When the context
// ends, so does the search: it lives as long as its connection. A stream that
// ends before Splunk says so is an error; the rows before were good.
func (s *Server) Run(ctx context.Context, search Search, each func(Row) error) error {
	query := strings.TrimSpace(search.Query)
	if !strings.HasPrefix(query, "|") && !strings.HasPrefix(query, "search ") {
		query = "search " + query // as the search bar does
	}
	form := url.Values{"search": {query}, "output_mode": {"json"}, "preview": {"false"}}
	if search.Earliest != "" {
		form.Set("earliest_time", search.Earliest)
	}
	if search.Latest != "" {
		form.Set("latest_time", search.Latest)
	}
	response, err := s.call(ctx, http.MethodPost, "/servicesNS/nobody/"+url.PathEscape(s.App)+"/search/v2/jobs/export", form)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	err = read(response.Body, maxRow, each)
	if err != nil && ctx.Err() != nil {
		return ctx.Err() // the stream ended because of that, in whatever way
	}
	return err
}

// Version asks for the version of the server.
func (s *Server) Version(ctx context.Context) (string, error) {
	response, err := s.call(ctx, http.MethodGet, "/services/server/info?output_mode=json", nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	var info struct {
		Entry []struct{ Content struct{ Version string } }
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxInfo)).Decode(&info); err != nil {
		return "", fmt.Errorf("%s does not answer as splunkd: %w", s.address(), err)
	}
	if len(info.Entry) == 0 {
		return "", fmt.Errorf("%s does not answer as splunkd", s.address())
	}
	return info.Entry[0].Content.Version, nil
}

func (s *Server) call(ctx context.Context, method, path string, form url.Values) (*http.Response, error) {
	client, err := trust.Client(s.URL, s.CAFile, 0)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(s.URL, "/")+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+s.Token)
	r.Close = true
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	var said struct{ Messages []message }
	_ = json.Unmarshal(text, &said) // a proxy may answer something else
	var reasons strings.Builder
	for _, m := range said.Messages {
		reasons.WriteString(": " + m.Text)
	}
	reason := reasons.String()
	switch response.StatusCode {
	case http.StatusUnauthorized:
		reason += "; is the token valid, and is token authentication on (Settings > Tokens)?"
	case http.StatusForbidden:
		reason += "; the user of the token may not do this"
	case http.StatusNotFound:
		reason += "; is this the management port (8089), and is the app " + s.App + " there?"
	}
	return nil, fmt.Errorf("%s answers %s%s", s.address(), response.Status, reason)
}

// address is the URL without a password, for messages.
func (s *Server) address() string {
	u, err := url.Parse(s.URL)
	if err != nil {
		return "the server"
	}
	return u.Redacted()
}

type message struct{ Type, Text string }

// read reads the stream: one JSON object after the other, each of at most most
// bytes.
func read(stream io.Reader, most int, each func(Row) error) error {
	bounded := &rowReader{stream: stream}
	d := json.NewDecoder(bounded)
	rows, last := 0, false
	for {
		bounded.left = most
		var line struct {
			Preview  bool
			LastRow  bool `json:"lastrow"`
			Result   result
			Messages messages
		}
		switch err := d.Decode(&line); {
		case err == io.EOF && (last || rows == 0):
			return nil
		case err == io.EOF:
			return errors.New("the results end before the search does; it was cancelled, or the connection broke")
		case err != nil:
			return fmt.Errorf("reading results: %w", err)
		}
		for _, m := range line.Messages {
			if m.Type == "FATAL" || m.Type == "ERROR" {
				return fmt.Errorf("splunk says: %s", m.Text)
			}
		}
		if line.Preview {
			continue
		}
		last = line.LastRow
		if line.Result == nil {
			continue
		}
		rows++
		if err := each(Row(line.Result)); err != nil {
			return err
		}
	}
}

// rowReader ends a stream whose rows do not end: what it reads for one of them
// is bounded. The decoder may have read a part of the next row with it.
type rowReader struct {
	stream io.Reader
	left   int
}

func (r *rowReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, errors.New("a row that does not end")
	}
	n, err := r.stream.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// result is the result of a row: each field is a text, or a list of texts.
type result Row

// UnmarshalJSON reads it token by token, so that a row of nothing but empty values
// takes no more memory than any other.
func (r *result) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	row, count, depth := result{}, 0, 0
	name, named := "", false // the field whose value comes next
	for {
		token, err := d.Token()
		switch {
		case err == io.EOF:
			*r = row
			return nil
		case err != nil:
			return err
		}
		if count++; count > maxValues {
			return fmt.Errorf("a row of more than %d names and values", maxValues)
		}
		switch t := token.(type) {
		case nil: // null
			if depth == 0 {
				return nil
			}
			named = false
		case json.Delim:
			switch {
			case t == '{' && depth == 0, t == '[' && depth == 1:
				depth++
			case t == '}' && depth == 1, t == ']' && depth == 2:
				depth--
				named = false
			default:
				return errors.New("a row that is not one of texts and lists of texts")
			}
		case string:
			switch {
			case depth == 2:
				row[name] = append(row[name], t)
			case !named:
				name, named = t, true
				row[name] = nil
			default:
				row[name], named = []string{t}, false
			}
		default:
			return errors.New("a row that is not one of texts and lists of texts")
		}
	}
}

// messages are what Splunk says beside the rows.
type messages []message

// UnmarshalJSON reads them one by one, up to a bound.
func (m *messages) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if token, err := d.Token(); err != nil || token != json.Delim('[') {
		return err // null
	}
	var all messages
	for d.More() {
		var one message
		if err := d.Decode(&one); err != nil {
			return err
		}
		if one.Text == "" {
			continue
		}
		if all = append(all, one); len(all) > maxValues {
			return fmt.Errorf("a row with more than %d messages", maxValues)
		}
	}
	*m = all
	return nil
}
