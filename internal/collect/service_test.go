package collect_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kubeanon/kubeanon/internal/collect"
	"github.com/kubeanon/kubeanon/internal/splunk/hec"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
)

// nowhere is a client of a collector that is not there.
func nowhere(t *testing.T) *hec.Client {
	t.Helper()
	client := &hec.Client{Forever: true, URL: "http://" + free(t), Token: "t", Warn: t.Logf, Wait: time.Millisecond}
	if err := client.Open(""); err != nil {
		t.Fatal(err)
	}
	return client
}

// TestServiceTaken: a port that is taken, of the receiver or of the metrics, is
// an error at once, and nothing is left running (goleak).
func TestServiceTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	other := free(t)
	for name, tc := range map[string]struct{ listen, metrics string }{
		"listen":  {taken, other},
		"metrics": {other, taken},
	} {
		service, err := collect.NewService(collect.Webhook{URL: "http://" + tc.listen + "/audit", SpoolDir: t.TempDir(), SpoolMB: 1}, nil, nowhere(t), tc.metrics, modinput.NewLog(io.Discard))
		if err != nil {
			t.Fatal(err)
		}
		if err := service.Run(t.Context()); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("%s: %v", name, err)
		}
		if c, err := net.Dial("tcp", other); err == nil {
			c.Close()
			t.Errorf("%s: the other port is still served", name)
		}
	}
}

// TestServiceFilter: many API servers post at the same time, and the filter is
// right for each event: every goroutine has a detector of its own.
func TestServiceFilter(t *testing.T) {
	filter, err := collect.ParseFilter("anonymous")
	if err != nil {
		t.Fatal(err)
	}
	address, metrics := free(t), free(t)
	service, err := collect.NewService(collect.Webhook{URL: "http://" + address + "/audit", SpoolDir: t.TempDir(), SpoolMB: 64}, filter, nowhere(t), metrics, modinput.NewLog(&bytes.Buffer{}))
	if err != nil {
		t.Fatal(err)
	}
	up := make(chan struct{})
	service.OnListening(func(net.Addr) { close(up) })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	<-up
	const senders, batches, size = 6, 10, 20
	var wg sync.WaitGroup
	for sender := range senders {
		wg.Go(func() {
			api := &apiServer{address: address}
			for b := range batches {
				var lines []string
				for i := range size {
					text := line((sender*batches+b)*size + i)
					if i%4 == 0 {
						text = strings.Replace(text, `"u"`, `"system:anonymous"`, 1)
					}
					lines = append(lines, text)
				}
				api.send(ctx, eventList(lines))
			}
		})
	}
	wg.Wait()
	answer, err := http.Get("http://" + metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	page, _ := io.ReadAll(answer.Body)
	answer.Body.Close()
	for _, want := range []string{"kubeanon_events_received_total 1200\n", "kubeanon_events_left_out_total 900\n"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %q in %s", want, page)
		}
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/other": 404} {
		answer, err := http.Get("http://" + metrics + path)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
