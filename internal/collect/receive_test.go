package collect_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kubeanon/kubeanon/internal/collect"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
)

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

// webhookConfig is the configuration of a receiver.
func webhookConfig(checkpoints, address, more string) string {
	return `<input><server_uri>https://127.0.0.1:8089</server_uri><session_key>secret</session_key><checkpoint_dir>` + checkpoints +
		`</checkpoint_dir><configuration><stanza name="kubeanon://hook" app="kubeanon"><param name="source">http://` + address + `/audit</param>` + more + `</stanza></configuration></input>`
}

// batch is an EventList of lines.
func batch(from, n int) string {
	var lines []string
	for i := from; i < from+n; i++ {
		lines = append(lines, line(i))
	}
	return eventList(lines)
}

// eventList is a batch as the API server sends it: items without kind and
// apiVersion.
func eventList(lines []string) string {
	items := strings.ReplaceAll(strings.Join(lines, ","), `"kind":"Event","apiVersion":"audit.k8s.io/v1",`, "")
	return `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[` + items + `]}`
}

// apiServer sends batches by the rules of k8s.io/apiserver and client-go: five
// attempts with waits of 10 s and half as much more each time, whatever the
// answer; within an attempt ten more tries after an answer 429 or 5xx with
// Retry-After. Its seconds are milliseconds.
type apiServer struct {
	address string
	body    func(text string) io.Reader // nil, or how a body goes out

	mu      sync.Mutex
	answers map[int]int // by status; 0 if there was none
	dropped int         // batches that it would have dropped; here it begins anew
}

func (a *apiServer) post(ctx context.Context, text string) (status int, retry bool) {
	var body io.Reader = strings.NewReader(text)
	if a.body != nil {
		body = a.body(text)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+a.address+"/audit/prod?timeout=30s", body)
	if err != nil {
		panic(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err == nil {
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		status = answer.StatusCode
		retry = (status == 429 || status >= 500) && answer.Header.Get("Retry-After") != ""
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.answers == nil {
		a.answers = map[int]int{}
	}
	a.answers[status]++
	return status, retry
}

// send returns when a batch was taken, or the context has ended.
func (a *apiServer) send(ctx context.Context, text string) {
	for ctx.Err() == nil {
		wait := 10 * time.Millisecond
		for range 5 {
			for range 11 {
				status, retry := a.post(ctx, text)
				if status/100 == 2 {
					return
				}
				if !retry {
					break
				}
				time.Sleep(2 * time.Millisecond)
			}
			time.Sleep(wait)
			wait += wait / 2
		}
		a.mu.Lock()
		a.dropped++
		a.mu.Unlock()
	}
}

// count is how many answers there were of a kind: 2 for 2xx.
func (a *apiServer) count(class int) (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for status, times := range a.answers {
		if status/100 == class {
			n += times
		}
	}
	return n
}

// TestReceive: events come out as they stand in the audit log, and SIGTERM
// empties the spool before the stream is closed.
func TestReceive(t *testing.T) {
	dir, address := t.TempDir(), free(t)
	s := newPlayer(t, "", "", "")
	s.config = webhookConfig(dir, address, "")
	process, wait := s.start()
	const batches, size = 40, 400
	start := time.Now()
	api := &apiServer{address: address}
	var senders sync.WaitGroup
	for sender := range 8 {
		senders.Go(func() {
			for i := sender; i < batches; i += 8 {
				api.send(t.Context(), batch(i*size, size))
			}
		})
	}
	senders.Wait()
	t.Logf("%.0f events a second, each on the disk before the answer", batches*size/time.Since(start).Seconds())
	if err := process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := wait(); err != nil || !s.closed {
		t.Errorf("%v, stream closed: %v", err, s.closed)
	}
	for i := range batches * size {
		if s.events[line(i)] != 1 {
			t.Fatalf("%d times %s", s.events[line(i)], line(i))
		}
	}
}

// TestReceiveBlocked: while splunkd does not read, events are kept until the
// spool is full, then API servers are told to wait, and after a kill all of it
// comes out.
func TestReceiveBlocked(t *testing.T) {
	dir, address := t.TempDir(), free(t)
	s := newPlayer(t, "", "", "")
	s.config = webhookConfig(dir, address, `<param name="spool_mb">1</param>`)
	// A splunkd that does not read for long: the pipe fills, and then the spool.
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "KUBEANON_INPUT=1")
	cmd.Stdin = strings.NewReader(s.config)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = writer
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	taken, full := 0, false
	for deadline := time.Now().Add(20 * time.Second); !full && time.Now().Before(deadline); {
		answer, err := http.Post("http://"+address+"/audit", "application/json", strings.NewReader(batch(taken*100, 100)))
		if err != nil {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		answer.Body.Close()
		switch answer.StatusCode {
		case http.StatusOK:
			taken++
		case http.StatusTooManyRequests:
			full = answer.Header.Get("Retry-After") != ""
		default:
			t.Fatal(answer.Status)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	s.read(reader) // what stands in the pipe is with splunkd
	reader.Close()
	if !full || taken == 0 {
		t.Fatalf("%d batches, full: %v", taken, full)
	}
	process, wait := s.start()
	s.await(taken * 100)
	_ = process.Signal(syscall.SIGTERM)
	if err := wait(); err != nil {
		t.Error(err)
	}
	t.Logf("%d events were kept while nobody read", taken*100)
}

// TestToken: the token comes from splunkd, by the name of the credential, and
// its session key goes nowhere else.
func TestToken(t *testing.T) {
	splunk := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Splunk secret" || r.URL.Path != "/servicesNS/nobody/kubeanon/storage/passwords" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		var answer struct {
			Entry []map[string]map[string]string `json:"entry"`
		}
		for user, clear := range map[string]string{"whole": "hunter2", "long``splunk_cred_sep``2": "b", "long``splunk_cred_sep``1": "a", "long``splunk_cred_sep``3": "``splunk_cred_sep``S``splunk_cred_sep``P``splunk_cred_sep``L``splunk_cred_sep``U``splunk_cred_sep``N``splunk_cred_sep``K``splunk_cred_sep``"} {
			answer.Entry = append(answer.Entry, map[string]map[string]string{"content": {"realm": "", "username": user, "clear_password": clear}})
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	defer splunk.Close()
	for _, tc := range []struct{ name, token string }{{"whole", "hunter2"}, {"long", "ab"}, {"missing", ""}} {
		address := free(t)
		config := strings.Replace(webhookConfig(t.TempDir(), address, `<param name="token">`+tc.name+`</param>`), "https://127.0.0.1:8089", splunk.URL, 1)
		in, err := modinput.Read(strings.NewReader(config))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var out, log bytes.Buffer
		ended := make(chan error, 1)
		go func() { ended <- collect.Run(ctx, in, &out, modinput.NewLog(&log)) }()
		if tc.token == "" {
			if err := <-ended; err == nil || !strings.Contains(err.Error(), `there is no credential "missing"`) {
				t.Errorf("%v", err)
			}
			cancel()
			continue
		}
		status := func(token string) int {
			for {
				r, _ := http.NewRequest(http.MethodPost, "http://"+address+"/audit", strings.NewReader(batch(0, 1)))
				r.Header.Set("Authorization", "Bearer "+token)
				if answer, err := http.DefaultClient.Do(r); err == nil {
					answer.Body.Close()
					return answer.StatusCode
				}
				time.Sleep(5 * time.Millisecond)
			}
		}
		if wrong, right := status("wrong"), status(tc.token); wrong != 401 || right != 200 {
			t.Errorf("%s: %d, %d", tc.name, wrong, right)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if !strings.Contains(out.String(), "00000000") || strings.Contains(log.String(), tc.token) || strings.Contains(log.String(), "secret") {
			t.Errorf("out %s, log %s", out.String(), log.String())
		}
	}
}

func TestSettings(t *testing.T) {
	for _, tc := range []struct {
		params map[string]string
		want   string // in the error; empty if there is none
	}{
		{map[string]string{"source": "http://127.0.0.1:9080/audit"}, ""},
		{map[string]string{"source": "http://[::1]:9080/audit"}, ""},
		{map[string]string{"source": "http://0.0.0.0:9080/audit"}, "would take events from anybody"},
		{map[string]string{"source": "http://0.0.0.0:9080/audit", "token": "t"}, "would take events from anybody"},
		{map[string]string{"source": "https://0.0.0.0:9443/audit"}, "needs a certificate file and a key file (settings: cert_file, key_file,"},
		{map[string]string{"source": "https://0.0.0.0:9443/audit", "cert_file": "c", "key_file": "k"}, "no sender is authorized"},
		{map[string]string{"source": "https://0.0.0.0:9443/audit", "cert_file": "c", "key_file": "k", "token": "t"}, ""},
		{map[string]string{"source": "https://0.0.0.0:9443/audit", "cert_file": "c", "key_file": "k", "client_ca_file": "a"}, ""},
		{map[string]string{"source": "http://127.0.0.1:9080/audit", "cert_file": "c"}, "are for https://"},
		{map[string]string{"source": "http://127.0.0.1/audit"}, "an address, a port and a path"},
		{map[string]string{"source": "http://127.0.0.1:9080"}, "an address, a port and a path"},
		{map[string]string{"source": "http://127.0.0.1:9080/audit", "spool_mb": "0"}, "spool_mb=\"0\" is not valid"},
		{map[string]string{"source": "cloudwatch://eu-west-1//aws/eks/a/cluster", "role_arn": "r", "imds": "0"}, ""},
		{map[string]string{"source": "cloudwatch://eu-west-1"}, "write the region and the log group"},
		{map[string]string{"source": "cloudwatch://r/g", "imds": "no"}, "imds=\"no\" is not valid"},
		{map[string]string{"source": "s3://x/y"}, "s3:// is not supported"},
		{map[string]string{"source": "file://audit.log"}, "the path must be absolute"},
		{map[string]string{"source": "file:///a/[b"}, "syntax error in pattern"},
		{map[string]string{"source": ""}, "is not valid; write file:///"},
		{map[string]string{"source": "file:///a", "filter": "none"}, "allowed: all, anonymous, or FIELD=VALUE"},
		{map[string]string{"source": "file:///a", "filter": "userAgent=x"}, `"userAgent=x" is not a condition`},
		{map[string]string{"source": "file:///a", "filter": "verb!=get,list"}, ""},
		{map[string]string{"source": "file:///a", "start_at": "middle"}, "allowed: beginning, end"},
		{map[string]string{"source": "file:///a", "index": "default", "host": "h", "interval": "30"}, ""},
	} {
		_, err := collect.Parse(modinput.Input{}, modinput.Stanza{Name: "kubeanon://x", Params: tc.params}, modinput.NewLog(io.Discard))
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%v: %v", tc.params, err)
		}
	}
}
