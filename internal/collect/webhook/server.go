package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// TLS is how a receiver proves itself, and who may send.
type TLS struct {
	CertFile, KeyFile string
	ClientCAFile      string // senders need a certificate of it; empty if they bear a token
}

// Config is the configuration of a listener. The certificate is read again when
// its file has changed, so that it can be renewed without a restart.
func (t TLS) Config() (*tls.Config, error) {
	pair := &pair{files: t}
	if _, err := pair.get(); err != nil {
		return nil, err
	}
	config := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair.get() },
	}
	if t.ClientCAFile != "" {
		text, err := os.ReadFile(t.ClientCAFile)
		if err != nil {
			return nil, err
		}
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", t.ClientCAFile)
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}

// pair is a certificate that is read again when it has changed.
type pair struct {
	files TLS

	mu   sync.Mutex
	cert *tls.Certificate
	at   [2]time.Time
}

func (p *pair) get() (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var at [2]time.Time
	for i, name := range []string{p.files.CertFile, p.files.KeyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return p.cert, p.errUnlessCached(err)
		}
		at[i] = info.ModTime()
	}
	if p.cert != nil && at == p.at {
		return p.cert, nil
	}
	cert, err := tls.LoadX509KeyPair(p.files.CertFile, p.files.KeyFile)
	if err != nil {
		return p.cert, p.errUnlessCached(err)
	}
	p.cert, p.at = &cert, at
	return p.cert, nil
}

// errUnlessCached returns err, or nil as long as there is a certificate from
// before: half of a renewal must not stop the receiver.
func (p *pair) errUnlessCached(err error) error {
	if p.cert != nil {
		return nil
	}
	return err
}

// warner takes what net/http has to say: failed handshakes, above all.
type warner func(format string, args ...any)

func (w warner) Write(p []byte) (int, error) {
	text := strings.TrimSpace(string(p))
	w("%s%s", text, hint(text))
	return len(p), nil
}

// hints say what to do about a failed handshake, by what crypto/tls says.
var hints = []struct{ text, hint string }{
	{"client didn't provide a certificate", "the sender has none: client-certificate and client-key in its --audit-webhook-config-file; probes ask elsewhere"},
	{"failed to verify certificate", "the sender's certificate is refused: is it of the CA that senders need one of, is it in time, is it one for clients?"},
	{"remote error: tls: bad certificate", "the sender refuses our certificate: certificate-authority in its --audit-webhook-config-file has to be its CA, and server has to be a name in it"},
	{"remote error: tls: unknown certificate authority", "the sender refuses our certificate: certificate-authority in its --audit-webhook-config-file has to be its CA"},
	{"remote error: tls: expired certificate", "the sender refuses our certificate: renew it"},
	{"client sent an HTTP request to an HTTPS server", "the sender speaks no TLS: server in its --audit-webhook-config-file has to be https://"},
}

func hint(text string) string {
	for _, h := range hints {
		if strings.Contains(text, h.text) {
			return "; " + h.hint
		}
	}
	return ""
}

// Probe answers a request for /healthz or /readyz, and reports whether it was
// one. ready says why no events can be taken now; nil if they can.
func Probe(w http.ResponseWriter, r *http.Request, ready func() error) bool {
	switch r.URL.Path {
	case "/healthz":
	case "/readyz":
		if err := ready(); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return true
		}
	default:
		return false
	}
	fmt.Fprintln(w, "ok")
	return true
}

// Serve answers on a listener, with TLS and HTTP/2 if config is not nil, until
// the context ends; then it finishes what it has begun, for at most wait. warn
// reports failed handshakes and what else net/http finds.
func Serve(ctx context.Context, l net.Listener, config *tls.Config, h http.Handler, warn func(format string, args ...any), wait time.Duration) error {
	server := &http.Server{
		Handler:           h,
		TLSConfig:         config,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          log.New(warner(warn), "", 0),
	}
	stopped := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait)
		defer cancel()
		err := server.Shutdown(limit)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close()
		}
		stopped <- err
	})
	defer stop()
	var err error
	if config != nil {
		err = server.ServeTLS(l, "", "")
	} else {
		err = server.Serve(l)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return <-stopped
	}
	return err
}
