package collect

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubeanon/kubeanon/internal/collect/checkpoint"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
)

// memory is a sink that may be broken: then nothing of a batch is out.
type memory struct {
	mu     sync.Mutex
	broken error
	batch  []string
	out    []string
	got    chan struct{}
}

func (m *memory) Add(text []byte, _ string, _ time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batch = append(m.batch, string(text))
}

func (m *memory) Flush(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer func() { m.batch = nil }()
	if len(m.batch) > 0 {
		select {
		case m.got <- struct{}{}:
		default:
		}
	}
	if m.broken != nil && len(m.batch) > 0 {
		return m.broken
	}
	m.out = append(m.out, m.batch...)
	return nil
}

const (
	contractEvent   = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"contract","verb":"create","user":{"username":"u"}}`
	contractUnasked = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"unasked","verb":"get","user":{"username":"u"}}`
)

// contract is a source under test, with a server that brings one event that
// passes the filter, and one that does not.
type contract struct {
	name   string
	params map[string]string // of its stanza
	feed   func()            // brings the events, once; it may be called before the source listens
}

func contracts(t *testing.T) []contract {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "example")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(map[string]any{"events": []map[string]any{
			{"eventId": "1", "logStreamName": "kube-apiserver-audit-1", "message": contractEvent, "timestamp": time.Now().UnixMilli()},
			{"eventId": "2", "logStreamName": "kube-apiserver-audit-1", "message": contractUnasked, "timestamp": time.Now().UnixMilli()},
		}})
	}))
	t.Cleanup(aws.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	log := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(log, []byte(contractEvent+"\n"+contractUnasked+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []contract{
		{"file", map[string]string{"source": "file://" + log}, func() {}},
		{"cloudwatch", map[string]string{"source": "cloudwatch://eu-west-1/g", "endpoint": aws.URL, "imds": "0"}, func() {}},
		{"webhook", map[string]string{"source": "http://" + address + "/audit"}, func() {
			items := strings.ReplaceAll(contractEvent+","+contractUnasked, `"kind":"Event","apiVersion":"audit.k8s.io/v1",`, "")
			body := `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[` + items + `]}`
			for {
				answer, err := http.Post("http://"+address+"/audit", "application/json", strings.NewReader(body))
				if err == nil {
					answer.Body.Close()
					if answer.StatusCode != http.StatusOK {
						t.Errorf("%s", answer.Status)
					}
					return
				}
				time.Sleep(time.Millisecond)
			}
		}},
	}
}

// TestContract holds every source of the table to the one rule: nothing is
// acknowledged before it is durable. A sink that fails ends the source with its
// error; the next run brings the event again; and once it was delivered, no run
// brings it again. Every source applies the filter and says how far it is.
func TestContract(t *testing.T) {
	all := contracts(t)
	for _, s := range schemes {
		if !slices.ContainsFunc(all, func(c contract) bool {
			name, _, _ := strings.Cut(c.params["source"], "://")
			return slices.Contains(s.names, name)
		}) {
			t.Errorf("%v: a new source needs a line in contracts", s.names)
		}
	}
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			in := modinput.Input{CheckpointDir: t.TempDir()}
			c.params["filter"] = "verb=create"
			open := func() *Input {
				set, err := Parse(in, modinput.Stanza{Name: "kubeanon://" + c.name, Params: c.params}, modinput.NewLog(io.Discard))
				if err != nil {
					t.Fatal(err)
				}
				return set
			}
			testSource(t, open, in.CheckpointDir, c.feed)
		})
	}
}

// testSource is the contract of a source. open makes it anew, as each start does.
func testSource(t *testing.T, open func() *Input, checkpoints string, feed func()) {
	t.Helper()
	// run runs the source until the sink was asked, or for a while.
	run := func(m *memory, fed bool, wait time.Duration) (*Input, error) {
		set := open()
		saved, err := checkpoint.Open(checkpoints, set.Name)
		if err != nil {
			t.Fatal(err)
		}
		defer saved.Close()
		m.got = make(chan struct{}, 1)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- set.run(ctx, m, saved) }()
		if fed {
			feed()
		}
		for deadline := time.After(wait); ; {
			if _, err := set.Source.Lag(time.Now()); err != nil { // while it runs, by another goroutine
				t.Errorf("lag: %v", err)
			}
			select {
			case <-m.got:
			case <-deadline:
			case <-time.After(20 * time.Millisecond):
				continue
			}
			break
		}
		time.AfterFunc(100*time.Millisecond, cancel)
		err = <-ended
		return set, err
	}
	if err := open().Source.Check(t.Context()); err != nil {
		t.Errorf("tried before it is saved: %v", err)
	}
	broken := errors.New("broken")
	set, err := run(&memory{broken: broken}, true, 5*time.Second)
	if sent := set.counts.sent.Load(); !errors.Is(err, broken) || sent != 0 {
		t.Errorf("a sink that fails: %v, sent %d", err, sent)
	}
	if seen, filtered := set.counts.seen.Load(), set.counts.filtered.Load(); seen != 2 || filtered != 1 {
		t.Errorf("seen %d, filtered %d", seen, filtered)
	}
	good := &memory{}
	if set, err = run(good, false, 5*time.Second); err != nil || set.counts.sent.Load() != 1 || len(good.out) != 1 || good.out[0] != contractEvent {
		t.Errorf("%v, sent %d, %q", err, set.counts.sent.Load(), good.out)
	}
	again := &memory{}
	if set, err = run(again, false, 300*time.Millisecond); err != nil || set.counts.sent.Load() != 0 || len(again.out) != 0 {
		t.Errorf("once more: %v, sent %d, %q", err, set.counts.sent.Load(), again.out)
	}
	lag, err := open().Source.Lag(time.Now())
	if err != nil || lag.Found == "" || lag.Odd != "" || lag.Waiting != 0 || lag.Behind > 10*time.Second {
		t.Errorf("after all was delivered: %+v, %v", lag, err)
	}
}
