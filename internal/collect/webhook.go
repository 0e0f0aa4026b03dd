package collect

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/kubeanon/kubeanon/internal/collect/checkpoint"
	"github.com/kubeanon/kubeanon/internal/collect/spool"
	"github.com/kubeanon/kubeanon/internal/collect/webhook"
	"github.com/kubeanon/kubeanon/internal/splunk/trust"
)

// Webhook is an address to which API servers post events.
type Webhook struct {
	URL      string      // to listen on: scheme, address, port and path, such as https://0.0.0.0:9443/audit
	TLS      webhook.TLS // files of https; the zero value for http
	Token    Secret      // that senders bear; nil if they need none
	SpoolDir string      // the folder that keeps events until they are delivered
	SpoolMB  int64       // how much it keeps at most, in MiB
}

// Secret gets a secret when it is needed. The text is never logged.
type Secret func(context.Context) (string, error)

// receiver is the source of events that are posted: it keeps them in a spool
// before it answers, and brings them from there to its sink.
type receiver struct {
	origin
	set           Webhook
	address, path string
	listening     func(net.Addr) // reports where it listens; may be nil

	sieves sync.Pool // of *sieve, for the goroutines of requests
	kept   atomic.Pointer[spool.Spool]
}

// newReceiver checks the settings, and above all that not everybody may send.
// Its errors name neither stanza settings nor flags; the caller does.
func newReceiver(o origin, set Webhook) (*receiver, error) {
	u, err := url.Parse(set.URL)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(u.Host)
	if err != nil || port == "" || u.Path == "" || u.Path == "/" || u.RawQuery != "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("not valid: write a scheme, an address, a port and a path, such as https://0.0.0.0:9443/audit")
	}
	secure, files := u.Scheme == "https", set.TLS
	switch {
	case !secure && files != (webhook.TLS{}):
		return nil, errors.New("certificate files are for https://, but this is http://")
	case secure && (files.CertFile == "" || files.KeyFile == ""):
		return nil, errors.New("https:// needs a certificate file and a key file")
	case set.SpoolMB < 1:
		return nil, fmt.Errorf("a spool of %d MB cannot keep anything: write a number of megabytes from 1 on", set.SpoolMB)
	case trust.Local(host), files.ClientCAFile != "", set.Token != nil && secure:
	case !secure:
		return nil, errors.New("this address would take events from anybody and show a token to everybody: use https:// with a client CA or a token, or listen on 127.0.0.1")
	default:
		return nil, errors.New("no sender is authorized: name a client CA or a token, or listen on 127.0.0.1")
	}
	r := &receiver{origin: o, set: set, address: u.Host, path: strings.TrimRight(u.Path, "/")}
	r.sieves.New = func() any { return r.sieve() }
	return r, nil
}

// config is the TLS configuration; nil for http.
func (r *receiver) config() (*tls.Config, error) {
	if r.set.TLS == (webhook.TLS{}) {
		return nil, nil
	}
	return r.set.TLS.Config()
}

// token is that of the senders; empty if they need none.
func (r *receiver) token(ctx context.Context) (string, error) {
	if r.set.Token == nil {
		return "", nil
	}
	return r.set.Token(ctx)
}

// Check loads the certificates, reads the token and listens for a moment. An
// address that is in use may be so by this very input, which is being edited.
func (r *receiver) Check(ctx context.Context) error {
	if _, err := r.config(); err != nil {
		return err
	}
	if _, err := r.token(ctx); err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", r.address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	return l.Close()
}

// Run receives until the context ends; then it answers what is under way and
// empties the spool. It needs no checkpoint: the spool is one.
func (r *receiver) Run(ctx context.Context, out Sink, _ *checkpoint.File) error {
	config, err := r.config()
	if err != nil {
		return err
	}
	token, err := r.token(ctx)
	if err != nil {
		return err
	}
	kept, err := spool.Open(r.set.SpoolDir, r.set.SpoolMB<<20, r.log.Warn)
	if err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", r.address)
	if err != nil {
		return errors.Join(err, kept.Release())
	}
	r.kept.Store(kept)
	handler := &webhook.Handler{
		Path: r.path, Token: token, Warn: r.log.Warn, Ready: r.ready,
		Keep: func(cluster string, events [][]byte) error { return r.keep(kept, batch{cluster, events}) },
	}
	r.log.Info("receiving on %s, path %s", l.Addr(), r.path)
	if r.listening != nil {
		r.listening(l.Addr())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	late, stop := outlive(ctx)
	defer stop()
	served := make(chan error, 1)
	go func() {
		err := webhook.Serve(ctx, l, config, handler, r.log.Warn, finishing)
		served <- errors.Join(err, kept.Close()) // now the drain comes to its end
	}()
	err = r.drain(late, kept, out)
	cancel()
	return errors.Join(err, <-served, kept.Release())
}

// ready says why no events can be taken; nil if the spool can take batches for a
// while yet.
func (r *receiver) ready() error {
	kept := r.kept.Load()
	switch {
	case kept == nil:
		return errors.New("the spool is not open yet")
	case kept.Size() >= r.set.SpoolMB<<20*9/10:
		return errors.New("the spool is nearly full")
	}
	return nil
}

// keep puts the events of a request that pass the filter into the spool. What is
// refused comes again, and is counted then.
func (r *receiver) keep(kept *spool.Spool, b batch) error {
	all := len(b.Events)
	sieve := r.sieves.Get().(*sieve)
	var wanted [][]byte
	for _, ev := range b.Events {
		if sieve.wants(ev) {
			wanted = append(wanted, ev)
		}
	}
	r.sieves.Put(sieve)
	if b.Events = wanted; len(wanted) > 0 {
		err := kept.Append(b.encode())
		if errors.Is(err, spool.ErrFull) {
			return fmt.Errorf("%w: %w", webhook.ErrBusy, err)
		}
		if err != nil {
			return err
		}
	}
	r.counts.seen.Add(int64(all))
	r.counts.filtered.Add(int64(all - len(wanted)))
	return nil
}

// drain brings what is in the spool to the sink, until the spool is closed and
// empty.
func (r *receiver) drain(ctx context.Context, kept *spool.Spool, out Sink) error {
	sieve := r.sieve() // for times only: what is in the spool has passed the filter
	for {
		records, done, err := kept.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		b, err := decodeBatch(records)
		if err != nil { // nothing is in it
			r.log.Error("spool: %v", err)
			done()
			continue
		}
		for _, ev := range b.Events {
			out.Add(ev, b.source(), sieve.time(ev))
		}
		if err := out.Flush(ctx); err != nil {
			return err
		}
		done()
	}
}

// Lag is what has been answered but is not delivered.
func (r *receiver) Lag(time.Time) (Lag, error) {
	var lag Lag
	if kept := r.kept.Load(); kept != nil {
		lag.Stored, lag.Waiting = kept.Size(), kept.Waiting()
	} else {
		info, err := spool.Inspect(r.set.SpoolDir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // nothing was received yet
			return Lag{}, err
		}
		lag.Stored, lag.Waiting = info.Bytes, info.Waiting
	}
	lag.Found = fmt.Sprintf("receives on %s; %.1f MB in its spool are not delivered yet", r.address, float64(lag.Waiting)/1e6)
	return lag, nil
}
