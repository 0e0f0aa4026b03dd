package scs_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubeanon/kubeanon/internal/splunk/scs"
)

// TestRedirect: neither events nor a token follow where a server points, on the
// same host or another, at ingest and at search.
func TestRedirect(t *testing.T) {
	for _, status := range []int{301, 302, 303, 307, 308} {
		var elsewhere atomic.Int32
		other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
		defer other.Close()
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", other.URL+"/x")
			w.WriteHeader(status)
		}))
		defer server.Close()
		c, err := scs.Open(t.Context(), scs.Config{URL: server.URL, Tenant: "tenant", Token: "s3cret", Warn: func(string, ...any) {}, Wait: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		err = c.Search(t.Context(), scs.Search{Query: "x", Poll: time.Millisecond}, nil)
		if err == nil || !strings.Contains(err.Error(), "redirects") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%d: search: %v", status, err)
		}
		c.Add(scs.Event{Text: []byte(`{"a":1}`), ID: "1"})
		if err := c.Flush(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "redirects") {
			t.Errorf("%d: ingest: %v", status, err)
		}
		if n := elsewhere.Load(); n != 0 {
			t.Errorf("%d: %d requests went elsewhere", status, n)
		}
	}
}
