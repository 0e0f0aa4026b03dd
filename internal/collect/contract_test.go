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

func (m *memory) add(text []byte, _ string, _ time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batch = append(m.batch, string(text))
}

func (m *memory) flush() error {
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

const contractEvent = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"contract","user":{"username":"u"}}`

// TestContract holds every source to the one rule: nothing is acknowledged
// before it is out. A sink that fails ends the source with its error; the next
// run brings the event again; and once it was out, no run brings it again.
func TestContract(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "example")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(map[string]any{"events": []map[string]any{
			{"eventId": "1", "logStreamName": "kube-apiserver-audit-1", "message": contractEvent, "timestamp": time.Now().UnixMilli()},
		}})
	}))
	defer aws.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	log := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(log, []byte(contractEvent+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	type source struct {
		name   string
		params map[string]string
		feed   func() // brings the event, once
	}
	sources := []source{
		{"file", map[string]string{"source": "file://" + log}, func() {}},
		{"cloudwatch", map[string]string{"source": "cloudwatch://eu-west-1/g", "endpoint": aws.URL, "imds": "0"}, func() {}},
		{"webhook", map[string]string{"source": "http://" + address + "/audit"}, func() {
			body := `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[` + strings.Replace(contractEvent, `"kind":"Event","apiVersion":"audit.k8s.io/v1",`, "", 1) + `]}`
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
	for _, k := range kinds {
		if !slices.ContainsFunc(sources, func(s source) bool {
			scheme, _, _ := strings.Cut(s.params["source"], "://")
			return slices.Contains(k.schemes, scheme)
		}) {
			t.Errorf("%v: a new source needs a line here", k.schemes)
		}
	}
	for _, source := range sources {
		t.Run(source.name, func(t *testing.T) {
			dir := t.TempDir()
			// run runs the source until the sink was asked, or for a while, and returns
			// how many events it says to have sent.
			run := func(m *memory, fed bool, wait time.Duration) (int64, error) {
				set, err := Parse(modinput.Stanza{Name: "kubeanon://" + source.name, Params: source.params})
				if err != nil {
					t.Fatal(err)
				}
				saved, err := checkpoint.Open(dir, set.Name)
				if err != nil {
					t.Fatal(err)
				}
				defer saved.Close()
				m.got = make(chan struct{}, 1)
				c := &collector{set: set, sink: m, log: modinput.NewLog(io.Discard), reported: time.Now()}
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := make(chan error, 1)
				go func() { ended <- c.collect(ctx, modinput.Input{CheckpointDir: dir}, saved) }()
				if fed {
					source.feed()
				}
				select {
				case <-m.got:
				case <-time.After(wait):
				}
				time.AfterFunc(100*time.Millisecond, cancel)
				err = <-ended
				return c.sent.Load(), err
			}
			stanza := modinput.Stanza{Name: source.name, Params: source.params}
			if err := Validate(t.Context(), modinput.Input{Stanzas: []modinput.Stanza{stanza}}); err != nil {
				t.Errorf("tried before it is saved: %v", err)
			}
			broken := errors.New("broken")
			if sent, err := run(&memory{broken: broken}, true, 5*time.Second); !errors.Is(err, broken) || sent != 0 {
				t.Errorf("a sink that fails: %v, sent %d", err, sent)
			}
			good := &memory{}
			if sent, err := run(good, false, 5*time.Second); err != nil || sent != 1 || len(good.out) != 1 || good.out[0] != contractEvent {
				t.Errorf("%v, sent %d, %q", err, sent, good.out)
			}
			again := &memory{}
			if sent, err := run(again, false, 300*time.Millisecond); err != nil || sent != 0 || len(again.out) != 0 {
				t.Errorf("once more: %v, sent %d, %q", err, sent, again.out)
			}
		})
	}
}
