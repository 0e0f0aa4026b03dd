package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for a process; on a fresh machine with two cores an
// API server is ready within ten seconds.
const patience = 2 * time.Minute

// cluster is an API server with its store, and all that they need.
type cluster struct {
	t       *testing.T
	dir     string
	ca      *authority
	address string // of the API server
	webhook string // where it sends its audit events
	kubelet *kubelet
	admin   tls.Certificate

	server *process
	ending []interval // when the API server was on its way down
}

type interval struct{ from, to time.Time }

// unsent reports whether the API server may not have sent an event: while it goes
// down, its log still gets the ends of its own watches, but it sends them to no
// webhook any more.
func (c *cluster) unsent(event string) bool {
	var e struct {
		StageTimestamp time.Time
		User           struct{ Username string }
	}
	err := json.Unmarshal([]byte(event), &e)
	return err == nil && e.User.Username == "system:apiserver" &&
		slices.ContainsFunc(c.ending, func(i interval) bool { return !e.StageTimestamp.Before(i.from) && !e.StageTimestamp.After(i.to) })
}

// file is a file of the cluster.
func (c *cluster) file(name string) string { return filepath.Join(c.dir, name) }

func (c *cluster) put(name, text string) string {
	c.t.Helper()
	if err := os.WriteFile(c.file(name), []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return c.file(name)
}

// log is the audit log.
func (c *cluster) log() string { return c.file("audit.log") }

// free is an address that nobody listens on.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// policy logs all stages, and the bodies of what kubeanon reads them of; the
// default of an API server's own documentation is leaner.
const policy = `apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: RequestResponse
  resources:
  - {group: rbac.authorization.k8s.io}
  - {group: "", resources: [configmaps]}
- level: Metadata
`

// newCluster starts the store and makes the files of the API server.
func newCluster(t *testing.T, etcd string) *cluster {
	t.Helper()
	c := &cluster{t: t, dir: t.TempDir(), address: free(t), webhook: free(t)}
	c.ca = newAuthority(t, c.dir, "ca")
	c.ca.issue("server", "kube-apiserver")
	c.ca.issue("receiver", "kubeanon")
	c.ca.issue("sender", "kube-apiserver")
	c.admin = c.ca.issue("admin", "kubernetes-admin", "system:masters")
	c.kubelet = newKubelet(t, c.ca.issue("kubelet", "system:node:node-a", "system:nodes"))
	key, err := x509.MarshalECPrivateKey(newKey(t)) // the form of which it finds the public key, too
	if err != nil {
		t.Fatal(err)
	}
	c.ca.write("accounts.key", "EC PRIVATE KEY", key)
	c.put("policy.yaml", policy)
	c.put("webhook.yaml", fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- {name: kubeanon, cluster: {server: "https://%s/audit/e2e", certificate-authority: %s}}
users:
- {name: sender, user: {client-certificate: %s, client-key: %s}}
contexts:
- {name: default, context: {cluster: kubeanon, user: sender}}
current-context: default
`, c.webhook, c.file("ca.crt"), c.file("sender.crt"), c.file("sender.key")))

	store, peers := free(t), free(t)
	start(t, c.file("etcd.out"), exec.Command(etcd, "--data-dir", c.file("etcd"), "--unsafe-no-fsync", "--log-level", "error",
		"--listen-client-urls", "http://"+store, "--advertise-client-urls", "http://"+store,
		"--listen-peer-urls", "http://"+peers, "--initial-advertise-peer-urls", "http://"+peers, "--initial-cluster", "default=http://"+peers))
	c.put("etcd.address", "http://"+store)
	return c
}

// start starts the API server and returns when it is ready.
func (c *cluster) start(apiserver string, flags ...string) {
	c.t.Helper()
	store, err := os.ReadFile(c.file("etcd.address"))
	if err != nil {
		c.t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(c.address)
	c.server = start(c.t, c.file("apiserver.out"), exec.Command(apiserver, append([]string{
		"--bind-address", host, "--secure-port", port, "--etcd-servers", string(store),
		// It refuses to advertise an address of loopback.
		"--advertise-address", "192.0.2.1", "--endpoint-reconciler-type", "none",
		"--tls-cert-file", c.file("server.crt"), "--tls-private-key-file", c.file("server.key"), "--client-ca-file", c.file("ca.crt"),
		"--kubelet-client-certificate", c.file("admin.crt"), "--kubelet-client-key", c.file("admin.key"),
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", c.file("accounts.key"),
		"--service-account-signing-key-file", c.file("accounts.key"), "--service-cluster-ip-range", "10.96.0.0/16",
		// Nobody makes the service accounts that pods would need.
		"--authorization-mode", "RBAC", "--disable-admission-plugins", "ServiceAccount",
		"--audit-policy-file", c.file("policy.yaml"), "--audit-log-path", c.log(),
		"--audit-webhook-config-file", c.file("webhook.yaml"), "--audit-webhook-batch-max-wait", "500ms", "--audit-webhook-initial-backoff", "500ms",
	}, flags...)...))
	deadline := time.Now().Add(patience)
	for {
		status := c.ask(c.admin, http.MethodGet, "/readyz", "").StatusCode
		if status == http.StatusOK {
			return
		}
		select {
		case <-c.server.ended:
			c.t.Fatalf("the API server ended: %s", c.server.tail())
		case <-time.After(200 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("the API server is not ready (%d): %s", status, c.server.tail())
		}
	}
}

// stop ends the API server in order: it sends what its webhook has left.
func (c *cluster) stop() {
	c.t.Helper()
	begin := time.Now()
	c.server.stop(c.t)
	c.ending = append(c.ending, interval{begin, time.Now()})
}

// client makes requests as somebody; the zero certificate for nobody. Every
// request has a connection of its own.
func (c *cluster) client(who tls.Certificate) *http.Client {
	return &http.Client{
		Timeout:       30 * time.Second,
		Transport:     &http.Transport{TLSClientConfig: c.tls(who), DisableKeepAlives: true, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (c *cluster) tls(who tls.Certificate) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(c.ca.cert)
	config := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	if who.Certificate != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &who, nil }
	}
	return config
}

// presented is the certificate, in DER, that a server of the cluster presents.
func (c *cluster) presented(address string) []byte {
	c.t.Helper()
	conn, err := (&tls.Dialer{Config: c.tls(c.admin)}).DialContext(c.t.Context(), "tcp", address)
	if err != nil {
		c.t.Fatal(err)
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Raw
}

// ask makes a request that is no part of the test and gives its answer, whose
// body was read; without one its status is 0.
func (c *cluster) ask(who tls.Certificate, method, path, body string) *http.Response {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, "https://"+c.address+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := c.client(who).Do(r)
	if err != nil {
		return &http.Response{Body: http.NoBody}
	}
	text, _ := io.ReadAll(answer.Body) // what came of it
	answer.Body.Close()
	answer.Body = io.NopCloser(bytes.NewReader(text))
	return answer
}

// process is one that the test has started. It ends with the test.
type process struct {
	cmd   *exec.Cmd
	out   string // the file that its output goes to
	ended chan struct{}
	err   error
}

func start(t *testing.T, out string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, out: out, ended: make(chan struct{})}
	if cmd.Stderr == nil {
		f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd.Stderr = f
		if cmd.Stdout == nil {
			cmd.Stdout = f
		}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.ended
	})
	return p
}

// stop asks the process to end, and waits for it.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("%s: %v: %s", p.cmd.Path, err, p.tail())
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("%s does not end: %s", p.cmd.Path, p.tail())
	}
}

// tail is the end of its output.
func (p *process) tail() string {
	text, _ := os.ReadFile(p.out) // for a message
	return string(text[max(0, len(text)-3000):])
}

// kubelet plays the kubelet of a node: every request is a tunnel that closes at
// once.
type kubelet struct{ host, port string }

func newKubelet(t *testing.T, cert tls.Certificate) *kubelet {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed at the end of the test
			}
			go func() {
				defer conn.Close()
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				if r.Header.Get("Upgrade") == "" {
					_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n")
					return
				}
				_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n\r\n")
			}()
		}
	}()
	host, port, _ := net.SplitHostPort(l.Addr().String())
	return &kubelet{host, port}
}
