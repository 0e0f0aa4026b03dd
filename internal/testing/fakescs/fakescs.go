// Package fakescs plays Splunk Cloud Services in tests: tokens, ingest and
// search, as the specifications that come with its SDK describe them.
package fakescs

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Cloud is a tenant. Set the upper fields before it serves.
type Cloud struct {
	Tenant, ClientID, Secret string
	Token                    string                // that is accepted; the endpoint token gives out this one
	Results                  []map[string]any      // of every search
	Polls                    int                   // how often a job is still running when it is asked for
	Fails                    bool                  // jobs fail
	Status                   func(request int) int // an HTTP status instead of an answer, by number of request; 0 for none; may be nil
	Expire                   map[int]bool          // requests before which the token expires
	MaxSize                  int                   // of a request to ingest; 0 for the real limit
	OnPoll                   func()                // called at every look at a job; may be nil
	Query                    map[string]any        // the last search job that was created

	mu        sync.Mutex
	requests  int
	renewed   int
	events    []Event
	seen      map[string]bool
	polls     int
	cancelled []string
	paths     map[string]bool
}

// Event is one that ingest took.
type Event struct {
	Body                     string
	ID                       string
	Host, Source, Sourcetype string
	Timestamp                int64
	Nanos                    int32
	Attributes               map[string]any
}

// Events are what was taken, each ID once.
func (c *Cloud) Events() []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Event(nil), c.events...)
}

// Cancelled are the jobs that were cancelled.
func (c *Cloud) Cancelled() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.cancelled...)
}

// Asked reports whether a path was asked for.
func (c *Cloud) Asked(path string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.paths[path]
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, code, text string) {
	answer(w, status, map[string]any{"code": code, "message": text})
}

func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.paths == nil {
		c.paths, c.seen = map[string]bool{}, map[string]bool{}
	}
	if r.URL.Path == "/token" {
		id, secret, _ := r.BasicAuth()
		if id != c.ClientID || secret != c.Secret || r.FormValue("grant_type") != "client_credentials" {
			refuse(w, 401, "invalid_client", "bad credentials")
			return
		}
		answer(w, 200, map[string]any{"access_token": c.current(), "token_type": "Bearer", "expires_in": 43200})
		return
	}
	c.requests++
	c.paths[r.Method+" "+r.URL.Path] = true
	if c.Expire[c.requests] {
		c.renewed++
	}
	if c.Status != nil {
		if status := c.Status(c.requests); status != 0 {
			if status == 429 {
				w.Header().Set("Retry-After", "0")
			}
			refuse(w, status, "fault", "a fault of the test")
			return
		}
	}
	if r.Header.Get("Authorization") != "Bearer "+c.current() {
		refuse(w, 401, "unauthorized", "the token is not valid")
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/"+c.Tenant+"/")
	if !ok {
		refuse(w, 404, "notFound", "no such tenant")
		return
	}
	path = strings.Replace(path, "search/v2beta1/", "search/v2/", 1)
	sid, isJob := strings.CutPrefix(path, "search/v2/jobs/")
	sid, results := strings.CutSuffix(sid, "/results")
	switch {
	case path == "ingest/v1beta2/events" && r.Method == http.MethodPost:
		c.ingest(w, r)
	case path == "search/v2/jobs" && r.Method == http.MethodPost:
		c.Query, c.polls = nil, 0
		_ = json.NewDecoder(r.Body).Decode(&c.Query)
		answer(w, 201, c.job("sid-1", "running"))
	case isJob && results && r.Method == http.MethodGet:
		c.page(w, r)
	case isJob && r.Method == http.MethodPatch:
		c.cancelled = append(c.cancelled, sid)
		answer(w, 200, c.job(sid, "canceled"))
	case isJob && r.Method == http.MethodGet:
		if c.OnPoll != nil {
			c.OnPoll()
		}
		status := "done"
		if c.polls++; c.polls <= c.Polls {
			status = "running"
		} else if c.Fails {
			status = "failed"
		}
		answer(w, 200, c.job(sid, status))
	default:
		refuse(w, 404, "notFound", "no such path")
	}
}

// current is the token that is valid now.
func (c *Cloud) current() string {
	if c.renewed == 0 {
		return c.Token
	}
	return fmt.Sprintf("%s-%d", c.Token, c.renewed)
}

func (c *Cloud) job(sid, status string) map[string]any {
	job := map[string]any{"sid": sid, "query": "", "status": status, "percentComplete": 50, "resultsAvailable": len(c.Results)}
	if status == "failed" {
		job["messages"] = []map[string]string{{"type": "FATAL", "text": "unknown dataset"}}
	}
	return job
}

func (c *Cloud) page(w http.ResponseWriter, r *http.Request) {
	count, _ := strconv.ParseFloat(r.URL.Query().Get("count"), 64)
	offset, _ := strconv.ParseFloat(r.URL.Query().Get("offset"), 64)
	from := min(int(offset), len(c.Results))
	to := min(from+int(count), len(c.Results))
	answer(w, 200, map[string]any{"results": c.Results[from:to], "messages": []any{}})
}

func (c *Cloud) ingest(w http.ResponseWriter, r *http.Request) {
	limit := c.MaxSize
	if limit == 0 {
		limit = 1_000_000
	}
	var events []Event
	r.Body = http.MaxBytesReader(w, r.Body, int64(limit))
	if err := json.NewDecoder(r.Body).Decode(&events); err != nil {
		if strings.Contains(err.Error(), "too large") {
			refuse(w, 413, "tooLarge", "the request is too large")
			return
		}
		refuse(w, 400, "badRequest", err.Error())
		return
	}
	if len(events) > 500 {
		refuse(w, 413, "tooLarge", "more than 500 events")
		return
	}
	for _, e := range events {
		if e.ID == "" || !c.seen[e.ID] {
			c.events = append(c.events, e)
		}
		c.seen[e.ID] = true
	}
	answer(w, 200, map[string]any{"code": "SUCCESS", "message": "Success"})
}
