// Package fakehec plays Splunk's HTTP Event Collector in tests: the endpoints
// event, raw, ack and health with their codes, and on demand everything that
// goes wrong between a client and an indexer.
package fakehec

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Fault is what happens to a request instead of, or beside, an answer.
type Fault int

// The faults.
const (
	None      Fault = iota
	Busy            // 503, code 9
	Error           // 500, code 8
	Throttled       // 429 of a proxy, with Retry-After
	BadProxy        // 502 with a page
	Reset           // the connection ends before anything is taken
	Swallowed       // the events are taken, and then the connection ends
	Nearly          // taken, with code 24: the queue is nearly full
	LostAck         // taken into memory, lost, and never acknowledged
)

// Collector is the collector. Set the upper fields before it serves.
type Collector struct {
	Token   string
	Indexes []string // allowed besides the default; nil for all
	MaxSize int      // of an unpacked body; 0 for no limit
	UseACK  bool
	Fault   func(request int) Fault // by the number of the request to event or raw; may be nil

	mu       sync.Mutex
	requests int
	events   []Event
	acks     map[string]map[int64]bool // by channel: whether an ID is to be told
	next     int64
	Packed   int // bodies that came packed
}

// Event is one that was taken.
type Event struct {
	Event      json.RawMessage `json:"event"`
	Time       json.Number     `json:"time"`
	Host       string          `json:"host"`
	Source     string          `json:"source"`
	Sourcetype string          `json:"sourcetype"`
	Index      string          `json:"index"`
	Fields     map[string]any  `json:"fields"`
}

// Text is the event if it is a string, else its JSON.
func (e *Event) Text() string {
	var s string
	if json.Unmarshal(e.Event, &s) == nil {
		return s
	}
	return string(e.Event)
}

// Events are what was taken so far.
func (c *Collector) Events() []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.events)
}

// Requests is how many requests to event and raw came.
func (c *Collector) Requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests
}

func say(w http.ResponseWriter, status, code int, text string, more ...any) {
	m := map[string]any{"text": text, "code": code}
	for i := 0; i < len(more); i += 2 {
		m[more[i].(string)] = more[i+1]
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(m)
}

func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	path := strings.TrimSuffix(r.URL.Path, "/1.0")
	if path == "/services/collector/health" {
		say(w, 200, 17, "HEC is healthy")
		return
	}
	if r.Method != http.MethodPost {
		say(w, 405, 404, "The requested URL was not found on this server.")
		return
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case r.Header.Get("Authorization") == "":
		say(w, 401, 2, "Token is required")
	case scheme != "Splunk":
		say(w, 401, 3, "Invalid authorization")
	case token != c.Token:
		say(w, 403, 4, "Invalid token")
	case path == "/services/collector/ack":
		c.ack(w, r)
	case path == "/services/collector" || path == "/services/collector/event":
		c.take(w, r, c.parse)
	case path == "/services/collector/raw":
		c.take(w, r, c.lines)
	default:
		say(w, 404, 404, "The requested URL was not found on this server.")
	}
}

// take takes the events of a request, or does not.
func (c *Collector) take(w http.ResponseWriter, r *http.Request, parse func(*http.Request, []byte) ([]Event, *refusal)) {
	c.requests++
	fault := None
	if c.Fault != nil {
		fault = c.Fault(c.requests)
	}
	channel := r.Header.Get("X-Splunk-Request-Channel")
	if channel == "" {
		channel = r.URL.Query().Get("channel")
	}
	switch fault {
	case Busy:
		say(w, 503, 9, "Server is busy")
		return
	case Error:
		say(w, 500, 8, "Internal server error")
		return
	case Throttled:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	case BadProxy:
		w.WriteHeader(http.StatusBadGateway)
		_, _ = io.WriteString(w, "<html>bad gateway</html>")
		return
	case Reset:
		panic(http.ErrAbortHandler)
	}
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		c.Packed++
		unpacked, err := gzip.NewReader(r.Body)
		if err != nil {
			say(w, 400, 6, "Invalid data format")
			return
		}
		body = unpacked
	}
	text, err := io.ReadAll(body)
	switch {
	case err != nil:
		say(w, 400, 6, "Invalid data format")
		return
	case c.MaxSize > 0 && len(text) > c.MaxSize:
		say(w, 413, 27, "Request entity too large")
		return
	case len(bytes.TrimSpace(text)) == 0:
		say(w, 400, 5, "No data")
		return
	case c.UseACK && channel == "":
		say(w, 400, 10, "Data channel is missing")
		return
	case c.UseACK && len(channel) != 36:
		say(w, 400, 11, "Invalid data channel")
		return
	}
	events, no := parse(r, text)
	if fault != LostAck {
		c.events = append(c.events, events...)
	}
	if no != nil {
		say(w, 400, no.code, no.text, "invalid-event-number", no.number)
		return
	}
	if fault == Swallowed {
		panic(http.ErrAbortHandler)
	}
	var more []any
	if c.UseACK {
		if c.acks == nil {
			c.acks = map[string]map[int64]bool{}
		}
		if c.acks[channel] == nil {
			c.acks[channel] = map[int64]bool{}
		}
		c.acks[channel][c.next] = fault != LostAck
		more = []any{"ackId", c.next}
		c.next++
	}
	if fault == Nearly {
		say(w, 200, 24, "Indexing queue is approaching its capacity", more...)
		return
	}
	say(w, 200, 0, "Success", more...)
}

type refusal struct {
	code, number int
	text         string
}

// parse reads the objects of the endpoint event: those before a bad one are
// taken.
func (c *Collector) parse(_ *http.Request, text []byte) (events []Event, no *refusal) {
	d := json.NewDecoder(bytes.NewReader(text))
	for n := 0; ; n++ {
		var e Event
		err := d.Decode(&e)
		bare := strings.TrimSpace(string(e.Event))
		switch {
		case err == io.EOF:
			return events, nil
		case err != nil:
			return events, &refusal{6, n, "Invalid data format"}
		case bare == "" || bare == "null":
			return events, &refusal{12, n, "Event field is required"}
		case bare == `""`:
			return events, &refusal{13, n, "Event field cannot be blank"}
		case e.Index != "" && c.Indexes != nil && !slices.Contains(c.Indexes, e.Index):
			return events, &refusal{7, n, "Incorrect index"}
		}
		events = append(events, e)
	}
}

// lines reads the endpoint raw.
func (c *Collector) lines(r *http.Request, text []byte) (events []Event, no *refusal) {
	q := r.URL.Query()
	for line := range strings.Lines(string(text)) {
		line, _ := json.Marshal(strings.TrimRight(line, "\r\n"))
		events = append(events, Event{Event: line, Host: q.Get("host"), Source: q.Get("source"), Sourcetype: q.Get("sourcetype"), Index: q.Get("index")})
	}
	return events, nil
}

// ack tells which requests are indexed; each is told true once.
func (c *Collector) ack(w http.ResponseWriter, r *http.Request) {
	channel := r.URL.Query().Get("channel")
	var question struct {
		Acks []int64 `json:"acks"`
	}
	switch {
	case !c.UseACK:
		say(w, 400, 14, "ACK is disabled")
		return
	case channel == "":
		say(w, 400, 10, "Data channel is missing")
		return
	case json.NewDecoder(r.Body).Decode(&question) != nil:
		say(w, 400, 6, "Invalid data format")
		return
	}
	states := map[string]bool{}
	for _, id := range question.Acks {
		states[strconv.FormatInt(id, 10)] = c.acks[channel][id]
		delete(c.acks[channel], id)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"acks": states})
}
