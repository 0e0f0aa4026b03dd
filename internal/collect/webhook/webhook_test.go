package webhook_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/kubeanon/kubeanon/internal/collect/webhook"
)

// No goroutine outlives its test.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const list = `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[{"level":"Metadata","auditID":"1"},
 {"level":"Metadata",
  "auditID":"2"}]}`

var errFull = fmt.Errorf("%w: the disk is full", webhook.ErrBusy)

// kept is what a handler kept.
type kept struct {
	mu     sync.Mutex
	events []string
	err    error
	block  chan struct{}
}

func newHandler(t *testing.T) (*webhook.Handler, *kept) {
	t.Helper()
	k := &kept{}
	return &webhook.Handler{
		Path: "/audit",
		Keep: func(cluster string, events [][]byte) error {
			if k.block != nil {
				<-k.block
			}
			k.mu.Lock()
			defer k.mu.Unlock()
			if k.err != nil {
				return k.err
			}
			for _, ev := range events {
				k.events = append(k.events, cluster+" "+string(ev))
			}
			return nil
		},
		Warn:  func(format string, args ...any) { t.Logf(format, args...) },
		Ready: func() error { return k.err },
	}, k
}

func post(h http.Handler, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestEvents: the items of a list stand alone, on a line each, in the order of
// keys of the audit log.
func TestEvents(t *testing.T) {
	h, k := newHandler(t)
	if w := post(h, "/audit/prod", list); w.Code != http.StatusOK {
		t.Fatal(w.Code, w.Body)
	}
	want := []string{
		`prod {"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"1"}`,
		`prod {"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"2"}`,
	}
	if diff := cmp.Diff(want, k.events); diff != "" {
		t.Error(diff)
	}
	// The same batch once more: its answer was lost.
	if w := post(h, "/audit/prod", list); w.Code != http.StatusOK || len(k.events) != 2 {
		t.Error(w.Code, len(k.events))
	}
	// Another one with the same audit IDs is another one.
	if w := post(h, "/audit/prod", strings.Replace(list, "Metadata", "Request", 1)); w.Code != http.StatusOK || len(k.events) != 4 {
		t.Error(w.Code, len(k.events))
	}
	// And so is the same of another cluster.
	if w := post(h, "/audit/dev", list); w.Code != http.StatusOK || len(k.events) != 6 {
		t.Error(w.Code, len(k.events))
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct {
		name, path, body string
		header           []string
		err              error
		token            string
		want             int
		after            string
	}{
		{name: "another path", path: "/other", body: list, want: 404},
		{name: "a path that only begins so", path: "/auditor", body: list, want: 404},
		{name: "deeper", path: "/audit/a/b", body: list, want: 404},
		{name: "no JSON", path: "/audit", body: list[:50], want: 400},
		{name: "cut after an item", path: "/audit", body: `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{"auditID":"1"}`, want: 400},
		{name: "cut after the items", path: "/audit", body: `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{"auditID":"1"}]`, want: 400},
		{name: "a comma too many", path: "/audit", body: `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{"auditID":"1"},]}`, want: 400},
		{name: "no comma between items", path: "/audit", body: `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{"auditID":"1"} {"auditID":"2"}]}`, want: 400},
		{name: "an item that is not closed", path: "/audit", body: `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{"auditID":"1"},{"auditID":]}`, want: 400},
		{name: "a bad escape in an item", path: "/audit", body: `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{"auditID":"\x"}]}`, want: 400},
		{name: "two lists", path: "/audit", body: list + list, want: 400},
		{name: "empty", path: "/audit", body: "", want: 400},
		{name: "no list", path: "/audit", body: `{"kind":"Event"}`, want: 400},
		{name: "core list", path: "/audit", body: `{"kind":"EventList","apiVersion":"v1","items":[]}`, want: 400},
		{name: "item is no object", path: "/audit", body: `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[1]}`, want: 400},
		{name: "another version", path: "/audit", body: `{"kind":"EventList","apiVersion":"audit.k8s.io/v1` + strings.Repeat("x", 1<<20) + `","items":[{},{}]}`, want: 400},
		{name: "too many items", path: "/audit", body: `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{}` + strings.Repeat(",{}", 100_000) + `]}`, want: 400},
		{name: "empty list", path: "/audit", body: `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[]}`, want: 200},
		{name: "no token", path: "/audit", body: list, token: "t", want: 401},
		{name: "wrong token", path: "/audit", body: list, token: "t", header: []string{"Authorization", "Bearer x"}, want: 401},
		{name: "right token", path: "/audit", body: list, token: "t", header: []string{"Authorization", "Bearer t"}, want: 200},
		{name: "full", path: "/audit", body: list, err: errFull, want: 429, after: "2"},
		{name: "broken disk", path: "/audit", body: list, err: errors.New("disk /secret/path"), want: 500, after: "2"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, k := newHandler(t)
			h.Token, k.err = tc.token, tc.err
			var log strings.Builder
			h.Warn = func(format string, args ...any) { fmt.Fprintf(&log, format+"\n", args...) }
			w := post(h, tc.path, tc.body, tc.header...)
			if w.Code != tc.want || w.Header().Get("Retry-After") != tc.after {
				t.Errorf("%d %v: %s", w.Code, w.Header(), w.Body)
			}
			if strings.Contains(w.Body.String(), "secret") {
				t.Errorf("it tells too much: %s", w.Body)
			}
			if tc.err != nil && !strings.Contains(log.String(), tc.err.Error()) {
				t.Errorf("the log does not say why: %s", log.String())
			}
			if tc.err != nil { // it can be sent again
				k.err = nil
				if w := post(h, tc.path, tc.body); w.Code != 200 || len(k.events) != 2 {
					t.Errorf("again: %d, %d events", w.Code, len(k.events))
				}
			}
		})
	}
}

func TestOthers(t *testing.T) {
	h, k := newHandler(t)
	get := func(path string) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code
	}
	if a, b, c := get("/healthz"), get("/readyz"), get("/audit"); a != 200 || b != 200 || c != 405 {
		t.Error(a, b, c)
	}
	k.err = errFull
	if a, b := get("/healthz"), get("/readyz"); a != 200 || b != 503 {
		t.Error(a, b)
	}
}

// endless is a body that never ends.
type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.n += int64(len(p))
	return len(p), nil
}

func TestHuge(t *testing.T) {
	h, _ := newHandler(t)
	body := &endless{}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/audit", body))
	if w.Code != http.StatusRequestEntityTooLarge || body.n > 64<<20 {
		t.Errorf("%d after %d bytes", w.Code, body.n)
	}
	r := httptest.NewRequest(http.MethodPost, "/audit", body)
	r.ContentLength = 1 << 30
	before := body.n
	w = httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusRequestEntityTooLarge || body.n != before {
		t.Errorf("%d, %d bytes read", w.Code, body.n-before)
	}
}

// TestBusy: what is too much at a time is refused at once, and comes through
// when it is sent again, as API servers do.
func TestBusy(t *testing.T) {
	h, k := newHandler(t)
	k.block = make(chan struct{})
	var wg sync.WaitGroup
	refused := make(chan int, 100)
	for i := range 100 {
		wg.Go(func() {
			body := strings.Replace(list, `"1"`, fmt.Sprintf(`"a%d"`, i), 1)
			for {
				w := post(h, "/audit", body)
				if w.Code == http.StatusOK {
					return
				}
				if w.Code != http.StatusTooManyRequests {
					t.Errorf("%d %s", w.Code, w.Body)
				}
				select {
				case refused <- 1:
				default:
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	for range 50 {
		<-refused
	}
	close(k.block)
	wg.Wait()
	if len(k.events) != 200 {
		t.Errorf("%d events", len(k.events))
	}
}

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T, dir, name string) *authority {
	t.Helper()
	a := &authority{file: filepath.Join(dir, name+".pem")}
	a.cert, a.key = certificate(t, nil, name, a.file, filepath.Join(dir, name+".key"), time.Hour)
	return a
}

// certificate writes a certificate and its key; by signs it, or it itself.
func certificate(t *testing.T, by *authority, name, file, keyFile string, valid time.Duration) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(valid),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: by == nil, BasicConstraintsValid: true,
	}
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{file: {Type: "CERTIFICATE", Bytes: der}, keyFile: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// TestTLS: only senders with a certificate of the CA come through, over HTTP/2;
// a renewed certificate is shown to the next one.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	ca, foreign := newAuthority(t, dir, "ca"), newAuthority(t, dir, "foreign")
	certificate(t, ca, "server-1", at("server.pem"), at("server.key"), time.Hour)
	certificate(t, ca, "api", at("api.pem"), at("api.key"), time.Hour)
	certificate(t, foreign, "api", at("stranger.pem"), at("stranger.key"), time.Hour)
	certificate(t, ca, "api", at("expired.pem"), at("expired.key"), -time.Hour)

	files := webhook.TLS{CertFile: at("server.pem"), KeyFile: at("server.key"), ClientCAFile: ca.file}
	config, err := files.Config()
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h, k := newHandler(t)
	said := make(chan string, 100)
	h.Warn = func(format string, args ...any) { said <- fmt.Sprintf(format, args...) }
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- webhook.Serve(ctx, l, config, h, h.Warn, time.Second) }()
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	send := func(client string, maxVersion uint16) (server string, err error) {
		c := &tls.Config{RootCAs: roots, MaxVersion: maxVersion}
		if client != "" {
			pair, err := tls.LoadX509KeyPair(at(client+".pem"), at(client+".key"))
			if err != nil {
				t.Fatal(err)
			}
			// Whatever the server asks for: a stranger shows what it has.
			c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		transport := &http.Transport{TLSClientConfig: c, ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		answer, err := (&http.Client{Transport: transport}).Post("https://"+l.Addr().String()+"/audit", "application/json", strings.NewReader(strings.Replace(list, `"1"`, fmt.Sprintf("%q", time.Now()), 1)))
		if err != nil {
			return "", err
		}
		defer answer.Body.Close()
		_, _ = io.Copy(io.Discard, answer.Body)
		if answer.StatusCode != 200 || answer.ProtoMajor != 2 {
			t.Errorf("%s: %s over %s", client, answer.Status, answer.Proto)
		}
		return answer.TLS.PeerCertificates[0].Subject.CommonName, nil
	}
	if server, err := send("api", 0); err != nil || server != "server-1" {
		t.Error(server, err)
	}
	for _, client := range []string{"", "stranger", "expired"} {
		if _, err := send(client, 0); err == nil {
			t.Errorf("%q came through", client)
		}
	}
	if _, err := send("api", tls.VersionTLS11); err == nil {
		t.Error("TLS 1.1 came through")
	}
	if len(k.events) != 2 {
		t.Errorf("%d events", len(k.events))
	}
	certificate(t, ca, "server-2", at("server.pem"), at("server.key"), time.Hour)
	later := time.Now().Add(time.Second)
	for _, f := range []string{"server.pem", "server.key"} {
		if err := os.Chtimes(at(f), later, later); err != nil {
			t.Fatal(err)
		}
	}
	if server, err := send("api", 0); err != nil || server != "server-2" {
		t.Errorf("after the renewal: %q, %v", server, err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(foreign.cert)
	if _, err := send("api", 0); err == nil {
		t.Error("the sender took a certificate of a CA that it does not know")
	}
	if answer, err := http.Post("http://"+l.Addr().String()+"/audit", "application/json", strings.NewReader(list)); err == nil {
		answer.Body.Close()
	}
	// Each says what to do; that of TLS 1.1 is no matter of certificates.
	want := map[string]int{"the sender has none": 1, "the sender's certificate is refused": 2, "the sender refuses our certificate": 1, "the sender speaks no TLS": 1}
	got := map[string]int{}
	for timeout := time.After(10 * time.Second); !cmp.Equal(want, got); {
		select {
		case line := <-said:
			for hint := range want {
				if strings.Contains(line, "; "+hint) {
					got[hint]++
				}
			}
		case <-timeout:
			t.Fatal(cmp.Diff(want, got))
		}
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestPair: a certificate and a key that do not fit are found before anything
// listens.
func TestPair(t *testing.T) {
	dir := t.TempDir()
	newAuthority(t, dir, "a")
	newAuthority(t, dir, "b")
	if _, err := (webhook.TLS{CertFile: filepath.Join(dir, "a.pem"), KeyFile: filepath.Join(dir, "b.key")}).Config(); err == nil {
		t.Error("a key of another certificate")
	}
}

// TestSlow: headers that do not come do not hold a connection.
func TestSlow(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 10 seconds; run without -short")
	}
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h, _ := newHandler(t)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- webhook.Serve(ctx, l, nil, h, h.Warn, time.Second) }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "POST /audit HTTP/1.1\r\nHost: x\r\n")
	start := time.Now()
	if _, err := io.Copy(io.Discard, c); err != nil || time.Since(start) > 15*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
