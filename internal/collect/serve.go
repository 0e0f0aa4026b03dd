package collect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/kubeanon/kubeanon/internal/collect/webhook"
	"github.com/kubeanon/kubeanon/internal/splunk/hec"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
)

// Service is the webhook without a splunkd: what it receives goes to an HTTP
// Event Collector.
type Service struct {
	input    Input
	receiver *receiver // the source of input
	client   *hec.Client
	metrics  string
	log      *modinput.Log
}

// NewService returns a service that sends what passes the filter to client.
// metrics is the host:port on which Prometheus and probes may ask; empty for
// none. Errors are about the settings in hook.
func NewService(hook Webhook, filter *Filter, client *hec.Client, metrics string, log *modinput.Log) (*Service, error) {
	o := origin{name: "serve", filter: filter, counts: &counters{}, log: log}
	r, err := newReceiver(o, hook)
	if err != nil {
		return nil, err
	}
	if _, err := r.config(); err != nil {
		return nil, err
	}
	return &Service{input: Input{Name: o.name, Source: r, counts: o.counts, log: log}, receiver: r, client: client, metrics: metrics, log: log}, nil
}

// Run receives until the context ends, and then delivers for a few seconds what
// is in the spool; the rest stays there for the next start.
func (s *Service) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop, err := s.serveMetrics(ctx, cancel)
	if err != nil {
		return err
	}
	err = s.input.run(ctx, collector{s.client}, nil)
	if errors.Is(err, context.Canceled) {
		s.log.Warn("stopped before all was sent; the rest stays in the spool")
		err = nil
	}
	return errors.Join(err, stop())
}

// serveMetrics answers Prometheus and probes until stop is called, which returns
// the error of that: longer than the receiver, so that the end can be watched. A
// server that fails before cancels.
func (s *Service) serveMetrics(ctx context.Context, cancel context.CancelFunc) (stop func() error, err error) {
	if s.metrics == "" {
		return func() error { return nil }, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.metrics)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	late, end := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() {
		err := webhook.Serve(late, l, nil, http.HandlerFunc(s.answer), s.log.Warn, finishing)
		if err != nil {
			err = fmt.Errorf("metrics: %w", err)
			cancel()
		}
		served <- err
	}()
	return func() error {
		end()
		return <-served
	}, nil
}

// answer answers Prometheus, in its text format (0.0.4), and probes, which have
// no certificate to show to the receiver itself.
func (s *Service) answer(w http.ResponseWriter, r *http.Request) {
	switch {
	case webhook.Probe(w, r, s.receiver.ready):
	case r.URL.Path != "/metrics":
		http.NotFound(w, r)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "metrics are read", http.StatusMethodNotAllowed)
	default:
		lag, err := s.input.Source.Lag(time.Now())
		if err != nil {
			s.log.Error("metrics: %v", err)
			http.Error(w, "the spool cannot be read", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		writeMetrics(w, s.input.counts, lag)
	}
}

func writeMetrics(w io.Writer, counts *counters, lag Lag) {
	for _, m := range []struct {
		name, kind, help string
		value            int64
	}{
		{"kubeanon_events_received_total", "counter", "Events that API servers sent and that were taken.", counts.seen.Load()},
		{"kubeanon_events_left_out_total", "counter", "Events that the filter left out.", counts.filtered.Load()},
		{"kubeanon_events_sent_total", "counter", "Events that went from the spool to Splunk.", counts.sent.Load()},
		{"kubeanon_spool_bytes", "gauge", "Bytes in the spool on the disk, up to 16 MiB of which Splunk has already.", lag.Stored},
		{"kubeanon_spool_waiting_bytes", "gauge", "Bytes in the spool that Splunk does not have yet.", lag.Waiting},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %d\n", m.name, m.help, m.name, m.kind, m.name, m.value)
	}
}

// collector is the sink of the service: an HTTP Event Collector.
type collector struct{ client *hec.Client }

func (c collector) Add(text []byte, source string, at time.Time) {
	c.client.Add(hec.Event{Text: text, Source: source, Time: at})
}

func (c collector) Flush(ctx context.Context) error { return c.client.Flush(ctx, nil) }
