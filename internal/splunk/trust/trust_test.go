package trust_test

import (
	"context"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/kubeanon/kubeanon/internal/splunk/trust"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// get asks a server by the name in url, which is found at address.
func get(t *testing.T, url, caFile, address string) error {
	t.Helper()
	client, err := trust.Client(url, caFile, 10*time.Second)
	if err != nil {
		return err
	}
	transport := client.Transport.(*http.Transport)
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Splunk s3cret")
	response, err := client.Do(request)
	if err == nil {
		response.Body.Close()
	}
	return err
}

// TestClient: beyond this machine nobody gets a token who does not prove to be
// the one that was named.
func TestClient(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "")
	t.Setenv("HTTP_PROXY", "")
	var asked atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer server.Close()
	server.Config.ErrorLog = nil
	address := server.Listener.Addr().String()
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem") // the certificate of the server is for example.com and 127.0.0.1
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ url, caFile, want string }{
		{"https://example.com:8089", ca, ""},
		{"https://example.com:8089", "", "unknown authority"},
		{"https://example.org:8089", ca, "certificate is valid for"},
		{"https://127.0.0.1.example.org:8089", "", "certificate"},
		{"https://localhost.example.org:8089", "", "certificate"},
		{"https://192.0.2.1:8089", "", "certificate"},
		{"https://127.0.0.1:8089", "", ""},
		{"https://[::1]:8089", "", ""},
		{"https://localhost:8089", "", ""},
		{"https://127.0.0.1:8089", empty, "holds no certificate"},
		{"http://example.com:8088", "", "http://example.com:8088 would be sent the token in the clear; write https://example.com:8088"},
		{"http://u:s3cret@192.0.2.1", ca, "holds a user name or a password"},
		{"https://u:s3cret@127.0.0.1:8089", "", "holds a user name or a password"},
		{"example.com:8088", "", "is no address"},
		{"file:///etc/passwd", "", "is no address"},
		{"https://", "", "is no address"},
	} {
		before := asked.Load()
		err := get(t, c.url, c.caFile, address)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.url, err, c.want)
		}
		if err != nil && (strings.Contains(err.Error(), "s3cret") || asked.Load() != before) {
			t.Errorf("%s: the token went out or is told: %v", c.url, err)
		}
	}
}

// TestRedirect: a token does not follow where a server points.
func TestRedirect(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other server was asked, with %q", r.Header)
	}))
	defer other.Close()
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		server := httptest.NewServer(http.RedirectHandler(other.URL, status))
		if err := get(t, server.URL, "", server.Listener.Addr().String()); err == nil || !strings.Contains(err.Error(), "it redirects") {
			t.Errorf("%d: %v", status, err)
		}
		server.Close()
	}
}
