// Package webhook receives audit events from API servers, as their
// --audit-webhook-config-file makes them send: an EventList (audit.k8s.io/v1) for
// each POST. It answers when the events are kept for good, and never before:
// what is refused the API server sends again
// (k8s.io/apiserver plugin/pkg/audit/webhook: five attempts over 81 seconds).
package webhook

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// ErrBusy says that events cannot be kept now, but later. An error of Keep that
// wraps it is answered with 429, any other with 500.
var ErrBusy = errors.New("no room for more events")

// Handler answers API servers.
type Handler struct {
	Path  string                                      // where events are posted; what follows behind a slash names the cluster
	Token string                                      // that a request has to bear; empty if certificates say who it is
	Keep  func(cluster string, events [][]byte) error // keeps the events for good
	Warn  func(format string, args ...any)            // reports what was refused
	Ready func() error                                // for /readyz: why no events can be taken now, nil if they can

	busy chan struct{}
	once sync.Once

	mu   sync.Mutex
	seen map[[sha256.Size]byte]bool // batches that were kept
	ring [][sha256.Size]byte
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.once.Do(func() {
		h.busy = make(chan struct{}, slots)
		h.seen = map[[sha256.Size]byte]bool{}
	})
	if Probe(w, r, h.Ready) {
		return
	}
	if status, err := h.serve(r); err != nil {
		if status == http.StatusTooManyRequests || status == http.StatusInternalServerError {
			w.Header().Set("Retry-After", retryAfter)
		}
		if status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", http.MethodPost)
		}
		h.Warn("refused a request from %s with %d: %v", r.RemoteAddr, status, err)
		http.Error(w, err.Error(), status)
	}
}

// serve keeps the events of a request, or says why not.
func (h *Handler) serve(r *http.Request) (status int, err error) {
	cluster, ok := h.cluster(r.URL.Path)
	switch {
	case !ok:
		return http.StatusNotFound, fmt.Errorf("nothing is received here; post to %s or %s/NAME-OF-CLUSTER", h.Path, h.Path)
	case r.Method != http.MethodPost:
		return http.StatusMethodNotAllowed, errors.New("events are posted")
	case h.Token != "" && !h.bears(r):
		return http.StatusUnauthorized, errors.New("the bearer token is missing or not the one that is configured")
	case r.ContentLength > maxBody:
		return http.StatusRequestEntityTooLarge, fmt.Errorf("%d bytes, but at most %d are taken", r.ContentLength, maxBody)
	}
	select {
	case h.busy <- struct{}{}:
		defer func() { <-h.busy }()
	default:
		return http.StatusTooManyRequests, errors.New("too many requests at a time")
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, fmt.Errorf("more than %d bytes", maxBody)
	case err != nil:
		return http.StatusBadRequest, errors.New("the body broke off")
	}
	sum := sha256.Sum256(append(append([]byte(cluster), 0), body...))
	if h.known(sum) {
		return http.StatusOK, nil // its answer was lost on the way
	}
	events, err := Events(body)
	if err != nil {
		return http.StatusBadRequest, err
	}
	if err := h.Keep(cluster, events); err != nil {
		if errors.Is(err, ErrBusy) {
			return http.StatusTooManyRequests, err
		}
		h.Warn("the events of a request cannot be kept: %v", err) // the reason is for the log alone
		return http.StatusInternalServerError, errors.New("the events cannot be kept")
	}
	h.remember(sum)
	return http.StatusOK, nil
}

// cluster is what the path names behind h.Path.
func (h *Handler) cluster(path string) (name string, ok bool) {
	rest, ok := strings.CutPrefix(path, h.Path)
	if !ok || rest == "" || rest == "/" {
		return "", ok
	}
	name, ok = strings.CutPrefix(rest, "/")
	return name, ok && !strings.Contains(name, "/") && len(name) <= 253
}

func (h *Handler) bears(r *http.Request) bool {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	a, b := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(h.Token))
	return ok && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// known reports whether the same batch was kept before. It is the same only if
// every byte is, so nobody can have another one's events taken for known.
func (h *Handler) known(sum [sha256.Size]byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.seen[sum]
}

func (h *Handler) remember(sum [sha256.Size]byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.ring) == remembered {
		delete(h.seen, h.ring[0])
		h.ring = h.ring[1:]
	}
	h.seen[sum] = true
	h.ring = append(h.ring, sum)
}

// Events takes an EventList apart. Its items carry neither kind nor apiVersion:
// each gets them, in the order of the audit log, so that it stands alone.
func Events(body []byte) (events [][]byte, err error) {
	// One pass checks all of the body and puts each event on one line; the walks
	// below see valid JSON only.
	flat := bytes.NewBuffer(make([]byte, 0, len(body)))
	if err := json.Compact(flat, body); err != nil {
		return nil, errors.New("the body is not valid JSON")
	}
	var kind, version string
	var items []byte
	audit.Members(flat.Bytes(), func(name string, value []byte) bool {
		switch name {
		case "kind":
			kind = string(audit.Unquote(value))
		case "apiVersion":
			version = string(audit.Unquote(value))
		case "items":
			items = value
		}
		return true
	})
	// Kubernetes has had no other version since 1.24. What a sender writes does not
	// get into the head, which stands before each item.
	if kind != "EventList" || version != "audit.k8s.io/v1" {
		return nil, errors.New("the body is not an EventList of audit.k8s.io/v1")
	}
	head := []byte(`{"kind":"Event","apiVersion":"audit.k8s.io/v1"`)
	audit.Elements(items, func(item []byte) bool {
		switch {
		case len(item) == 0 || item[0] != '{':
			err = errors.New("an item is not an object")
		case len(events) == maxItems:
			err = fmt.Errorf("more than %d items", maxItems)
		default:
			events = append(events, complete(head, item))
		}
		return err == nil
	})
	return events, err
}

// complete adds head to an event, unless it says what it is itself. The result
// may be a view of item.
func complete(head, item []byte) []byte {
	own := false
	audit.Members(item, func(name string, _ []byte) bool {
		own = name == "kind" || name == "apiVersion"
		return !own
	})
	if own {
		return item
	}
	rest := item[1:]
	out := append(make([]byte, 0, len(head)+1+len(rest)), head...)
	if len(rest) > 1 {
		out = append(out, ',')
	}
	return append(out, rest...)
}
