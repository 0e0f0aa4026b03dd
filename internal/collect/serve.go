package collect

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/kubeanon/kubeanon/internal/collect/spool"
	"github.com/kubeanon/kubeanon/internal/splunk/hec"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
)

// Service is the webhook by itself, without a splunkd: what it receives goes to
// an HTTP Event Collector.
type Service struct {
	Params   map[string]string // as those of a stanza: source, filter, cert_file, ...
	Token    string            // that senders have to bear; empty if certificates say who they are
	SpoolDir string
	HEC      *hec.Client
	Metrics  string // host:port for Prometheus; empty for none

	Listening func(net.Addr) // is told where it listens; may be nil
}

// Serve runs the service until the context ends.
func Serve(ctx context.Context, s Service, log *modinput.Log) error {
	params := map[string]string{}
	for name, value := range s.Params {
		if value != "" {
			params[name] = value
		}
	}
	if s.Token != "" {
		params["token"] = "from a file" // not its text: messages may name it
	}
	set, err := Parse(modinput.Stanza{Name: "serve", Params: params})
	if err != nil {
		return err
	}
	if set.Webhook == nil {
		return errors.New("only http:// and https:// can be served")
	}
	var config *tls.Config
	if set.Webhook.TLS != nil {
		if config, err = set.Webhook.TLS.Config(); err != nil {
			return err
		}
	}
	// The sink outlives ctx for a while, to empty the spool.
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(leaving, stop) })()
	c := &collector{set: set, sink: far{sending, s.HEC}, log: log, reported: time.Now()}
	err = c.serve(ctx, config, s.Token, s.SpoolDir, func(kept *spool.Spool, at net.Addr) {
		if s.Metrics != "" {
			go c.metrics(sending, s.Metrics, kept)
		}
		if s.Listening != nil {
			s.Listening(at)
		}
	})
	c.report()
	if errors.Is(err, context.Canceled) {
		log.Warn("stopped before all was sent; the rest stays in the spool")
		return nil
	}
	return err
}

// far is a sink that is reached over HTTP.
type far struct {
	ctx context.Context
	*hec.Client
}

func (f far) add(text []byte, source string, at time.Time) {
	f.Add(hec.Event{Text: text, Source: source, Time: at})
}
func (f far) flush() error { return f.Flush(f.ctx, nil) }

// metrics answers Prometheus, in its text format (0.0.4), and probes.
func (c *collector) metrics(ctx context.Context, address string, kept *spool.Spool) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; version=0.0.4")
		c.writeMetrics(w, kept.Size(), kept.Waiting())
	})
	// For probes, which have no certificate to show to the receiver itself.
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !c.set.Webhook.hasRoom(kept) {
			http.Error(w, "the spool is nearly full", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	server := &http.Server{Addr: address, Handler: mux, ReadHeaderTimeout: finishing}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		c.log.Error("metrics: %v", err)
	}
}

func (c *collector) writeMetrics(w io.Writer, spooled, waiting int64) {
	for _, m := range []struct {
		name, kind, help string
		value            int64
	}{
		{"kubeanon_events_received_total", "counter", "Events that API servers sent and that were taken.", c.seen.Load()},
		{"kubeanon_events_left_out_total", "counter", "Events that the filter left out.", c.left.Load()},
		{"kubeanon_events_sent_total", "counter", "Events that went from the spool to Splunk.", c.sent.Load()},
		{"kubeanon_spool_bytes", "gauge", "Bytes in the spool on the disk, up to 16 MiB of which Splunk has already.", spooled},
		{"kubeanon_spool_waiting_bytes", "gauge", "Bytes in the spool that Splunk does not have yet.", waiting},
	} {
		fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n%s %d\n", m.name, m.help, m.name, m.kind, m.name, m.value)
	}
}
