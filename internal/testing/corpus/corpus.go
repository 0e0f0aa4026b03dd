// Package corpus reads the recorded events of testdata/audit for tests.
package corpus

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"
)

// Event is an audit event read by encoding/json, independently of package
// audit, and its text.
type Event struct {
	Raw string `json:"-"`

	AuditID, Stage, RequestURI, Verb, UserAgent string
	RequestReceivedTimestamp                    string
	SourceIPs                                   []string
	User, ImpersonatedUser                      struct {
		Username, UID string
		Groups        []string
	}
	ObjectRef      struct{ Resource, Namespace, Name, APIGroup, Subresource string }
	ResponseStatus struct {
		Code    json.Number
		Message string
	}
	Annotations map[string]string
}

// Request is a line of the ledger of that recording, which is older than
// package ledger and has another form: it says nothing of what is to be found.
type Request struct {
	AuditID string `json:"audit_id"`
	Phase   string
	Tag     string
	Actor   string
	Method  string
	Status  int
}

// Dir is the folder testdata of the repository.
func Dir() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "..", "..", "..", "testdata")
}

var once struct {
	sync.Mutex
	events []Event
}

// Events reads all recorded events, once in a process. The slice is the
// caller's; what its elements point to is everybody's, and stays as it is.
func Events(t testing.TB) []Event {
	t.Helper()
	once.Lock()
	defer once.Unlock()
	if once.events == nil {
		var events []Event
		each(t, "kube-apiserver-1.36.ndjson.gz", func(line []byte) error {
			var e Event
			err := json.Unmarshal(line, &e)
			e.Raw = string(line)
			events = append(events, e)
			return err
		})
		once.events = events
	}
	return slices.Clone(once.events)
}

// Ledger reads the requests that caused them, by audit ID. Two requests share
// a client-chosen ID on purpose: the first stands.
func Ledger(t testing.TB) map[string]Request {
	t.Helper()
	requests := map[string]Request{}
	each(t, "kube-apiserver-1.36.ledger.ndjson.gz", func(line []byte) error {
		var r Request
		err := json.Unmarshal(line, &r)
		if _, ok := requests[r.AuditID]; !ok {
			requests[r.AuditID] = r
		}
		return err
	})
	return requests
}

func each(t testing.TB, name string, f func(line []byte) error) {
	t.Helper()
	file, err := os.Open(filepath.Join(Dir(), "audit", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(unpacked)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if err := f(lines.Bytes()); err != nil {
			t.Fatal(err)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}
