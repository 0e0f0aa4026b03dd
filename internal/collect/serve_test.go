package collect_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubeanon/kubeanon/internal/collect"
	"github.com/kubeanon/kubeanon/internal/splunk/hec"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
)

// collector plays an HTTP Event Collector.
type collector struct {
	mu     sync.Mutex
	events map[string]int
	fields map[string]any
	away   bool
	calls  int
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	say := func(status, code int, text string) {
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"text": text, "code": code})
	}
	switch {
	case r.URL.Path != "/services/collector/event":
		say(404, 404, "not found")
	case r.Header.Get("Authorization") != "Splunk hec-token":
		say(403, 4, "Invalid token")
	case c.away || c.calls%3 == 0:
		say(503, 9, "Server is busy")
	default:
		d := json.NewDecoder(r.Body)
		for {
			var e map[string]any
			if d.Decode(&e) != nil {
				break
			}
			c.events[e["event"].(string)]++
			c.fields = e
		}
		say(200, 0, "Success")
	}
}

// TestServe: what was answered reaches the collector, also if that was away
// when the service ended.
func TestServe(t *testing.T) {
	splunk := &collector{events: map[string]int{}, away: true}
	server := httptest.NewServer(splunk)
	defer server.Close()
	dir, address, metrics := t.TempDir(), free(t), free(t)
	start := func() (stop func()) {
		client := &hec.Client{Forever: true, URL: server.URL, Token: "hec-token", Index: "k8s", Sourcetype: "kube:audit", Warn: t.Logf, Wait: time.Millisecond}
		if err := client.Open(""); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended, up := make(chan error, 1), make(chan struct{})
		var log bytes.Buffer
		service, err := collect.NewService(collect.Webhook{
			URL: "http://" + address + "/audit", SpoolDir: dir, SpoolMB: 512,
			Token: func(context.Context) (string, error) { return "in-token", nil },
		}, nil, client, metrics, modinput.NewLog(&log))
		if err != nil {
			t.Fatal(err)
		}
		service.OnListening(func(net.Addr) { close(up) })
		go func() { ended <- service.Run(ctx) }()
		select {
		case <-up:
		case err := <-ended:
			t.Fatal(err)
		}
		return func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if strings.Contains(log.String(), "-token") {
				t.Errorf("a secret in the log: %s", log.String())
			}
		}
	}
	stop := start()
	post := func(token string, from int) int {
		r, err := http.NewRequest(http.MethodPost, "http://"+address+"/audit/prod", strings.NewReader(batch(from, 10)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return answer.StatusCode
	}
	if a, b, c := post("other", 0), post("in-token", 0), post("in-token", 10); a != 401 || b != 200 || c != 200 {
		t.Errorf("%d, %d, %d", a, b, c)
	}
	var page string
	for deadline := time.Now().Add(5 * time.Second); page == "" && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if answer, err := http.Get("http://" + metrics + "/metrics"); err == nil {
			text, _ := io.ReadAll(answer.Body)
			answer.Body.Close()
			page = string(text)
		}
	}
	if !strings.Contains(page, "kubeanon_events_received_total 20\n") || !strings.Contains(page, "# TYPE kubeanon_spool_bytes gauge\n") {
		t.Errorf("metrics: %s", page)
	}
	stop() // nothing could be sent
	if len(splunk.events) != 0 {
		t.Errorf("%d events", len(splunk.events))
	}
	splunk.mu.Lock()
	splunk.away = false
	splunk.mu.Unlock()
	stop = start()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		splunk.mu.Lock()
		n := len(splunk.events)
		splunk.mu.Unlock()
		if n == 20 {
			break
		}
	}
	stop()
	for i := range 20 {
		if splunk.events[line(i)] != 1 {
			t.Errorf("%d times %s", splunk.events[line(i)], line(i))
		}
	}
	if splunk.fields["index"] != "k8s" || splunk.fields["sourcetype"] != "kube:audit" || splunk.fields["source"] != "webhook:prod" || !strings.HasPrefix(splunk.fields["time"].(string), "1795426127.0000") {
		t.Errorf("%v", splunk.fields)
	}
}

// What is refused because the spool is full is not counted as received: it comes
// again. A probe is told, by an address that asks for no certificate.
func TestServeFull(t *testing.T) {
	splunk := &collector{events: map[string]int{}, away: true}
	server := httptest.NewServer(splunk)
	defer server.Close()
	client := &hec.Client{Forever: true, URL: server.URL, Token: "hec-token", Warn: t.Logf, Wait: time.Millisecond}
	if err := client.Open(""); err != nil {
		t.Fatal(err)
	}
	address, metrics := free(t), free(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended, up := make(chan error, 1), make(chan struct{})
	service, err := collect.NewService(collect.Webhook{URL: "http://" + address + "/audit", SpoolDir: t.TempDir(), SpoolMB: 1}, nil, client, metrics, modinput.NewLog(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	service.OnListening(func(net.Addr) { close(up) })
	go func() { ended <- service.Run(ctx) }()
	select {
	case <-up:
	case err := <-ended:
		t.Fatal(err)
	}
	size, taken := 500, 0
	for {
		answer, err := http.Post("http://"+address+"/audit", "application/json", strings.NewReader(batch(taken, size)))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusTooManyRequests {
			break
		}
		if taken += size; answer.StatusCode != http.StatusOK || taken > 100_000 {
			t.Fatalf("%s after %d events", answer.Status, taken)
		}
	}
	get := func(path string) (status int, page string) {
		for deadline := time.Now().Add(5 * time.Second); status == 0 && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
			if answer, err := http.Get("http://" + metrics + path); err == nil {
				text, _ := io.ReadAll(answer.Body)
				answer.Body.Close()
				status, page = answer.StatusCode, string(text)
			}
		}
		return status, page
	}
	if _, page := get("/metrics"); !strings.Contains(page, fmt.Sprintf("kubeanon_events_received_total %d\n", taken)) || strings.Contains(page, "kubeanon_spool_waiting_bytes 0\n") {
		t.Errorf("%d events were taken: %s", taken, page)
	}
	if status, page := get("/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(page, "full") {
		t.Errorf("readyz: %d %s", status, page)
	}
	if status, _ := get("/healthz"); status != http.StatusOK {
		t.Errorf("healthz: %d", status)
	}
	splunk.mu.Lock()
	splunk.away = false
	splunk.mu.Unlock()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
