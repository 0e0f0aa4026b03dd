package cli_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubeanon/kubeanon/internal/logfile"
	"github.com/kubeanon/kubeanon/internal/testing/fakehec"
	"github.com/kubeanon/kubeanon/internal/testing/fakerest"
	"github.com/kubeanon/kubeanon/internal/testing/fakescs"
)

// secretToken is what no output may ever hold.
const secretToken = "s3cret-0123456789"

// fakes are the servers of one script.
type fakes struct {
	hec    *fakehec.Collector
	splunk *fakerest.Server
	cloud  *fakescs.Cloud
	seen   leaks
}

// leaks looks into the command line and the environment of the client of every
// request, where the system shows them.
type leaks struct {
	mu    sync.Mutex
	found string
}

func (l *leaks) watch(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		entries, _ := os.ReadDir("/proc")
		for _, e := range entries {
			if _, err := strconv.Atoi(e.Name()); err != nil {
				continue
			}
			for _, file := range []string{"cmdline", "environ"} {
				text, _ := os.ReadFile("/proc/" + e.Name() + "/" + file)
				if strings.Contains(string(text), secretToken) && !(file == "environ" && strings.Contains(string(text), "KUBEANON_TOKEN=")) {
					l.mu.Lock()
					l.found = file + " of process " + e.Name()
					l.mu.Unlock()
				}
			}
		}
		h.ServeHTTP(w, r)
	})
}

// fake starts a server and names it in the environment: "fake hec" in $HEC,
// "fake splunk EVENTS" in $SPLUNK, "fake cloud EVENTS" in $CLOUD. Each line of
// EVENTS, which may be packed, is the _raw of a result. Its certificate stands in ca.pem,
// the key of that in ca.key.
func fake(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: fake hec [OPTION...] | splunk EVENTS [OPTION...] | cloud EVENTS [OPTION...]")
	}
	state := ts.Value("fakes").(*fakes)
	var results []map[string]any
	options := args[1:]
	if args[0] != "hec" { // the others have results
		text, err := logfile.Unpack(strings.NewReader(ts.ReadFile(args[1])))
		ts.Check(err)
		lines, err := io.ReadAll(text)
		ts.Check(err)
		for line := range strings.Lines(string(lines)) {
			results = append(results, map[string]any{"_raw": strings.TrimSuffix(line, "\n")})
		}
		options = args[2:]
	}
	has := func(name string) bool { return slices.Contains(options, name) }
	var handler http.Handler
	switch args[0] {
	case "hec":
		state.hec = &fakehec.Collector{Token: secretToken, UseACK: has("ack")}
		if has("small") {
			state.hec.MaxSize = 100 // less than any event
		}
		if has("busy") {
			state.hec.Fault = func(request int) fakehec.Fault {
				if request == 1 {
					return fakehec.Busy
				}
				return fakehec.None
			}
		}
		handler = state.hec
	case "splunk":
		s := &fakerest.Server{Token: secretToken, App: "kubeanon", Results: results, Hang: has("hang")}
		if has("cut") {
			s.Cut = 1
		}
		if has("bare") {
			s.Results = []map[string]any{{"count": "3"}}
		}
		state.splunk, handler = s, s
	case "cloud":
		state.cloud = &fakescs.Cloud{Tenant: "mine", ClientID: "id", Secret: secretToken, Token: secretToken, Results: results, Polls: 1}
		handler = state.cloud
	}
	server := httptest.NewTLSServer(state.seen.watch(handler))
	ts.Defer(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	ts.Check(os.WriteFile(ts.MkAbs("ca.pem"), ca, 0o644))
	key, err := x509.MarshalPKCS8PrivateKey(server.TLS.Certificates[0].PrivateKey)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs("ca.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600))
	ts.Setenv(strings.ToUpper(args[0]), server.URL)
}

// arrived wants a number of events at the collector, and none twice.
func arrived(ts *testscript.TestScript, neg bool, args []string) {
	state := ts.Value("fakes").(*fakes)
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := map[string]bool{}
	events := state.hec.Events()
	for _, e := range events {
		got[e.Text()+e.Sourcetype+e.Index] = true
		if len(args) > 1 {
			line := e.Sourcetype + " " + e.Index + " " + e.Source + " " + e.Host + " " + string(e.Time)
			if !strings.Contains(line, args[1]) {
				ts.Fatalf("an event has %q", line)
			}
		}
	}
	if len(events) != want || len(got) != want {
		ts.Fatalf("%d events, %d different ones, want %d", len(events), len(got), want)
	}
}

// discreet fails if a token was seen where others can see it.
func discreet(ts *testscript.TestScript, neg bool, args []string) {
	state := ts.Value("fakes").(*fakes)
	state.seen.mu.Lock()
	defer state.seen.mu.Unlock()
	if state.seen.found != "" {
		ts.Fatalf("the token stands in the %s", state.seen.found)
	}
}

// asked wants something to have been asked of a server: "asked splunk
// earliest_time=-7d" in the form of the last search, "asked cloud
// /search/v2/jobs" in the path of a request, "asked hec packed".
func asked(ts *testscript.TestScript, neg bool, args []string) {
	state := ts.Value("fakes").(*fakes)
	found := false
	switch args[0] {
	case "splunk":
		name, value, _ := strings.Cut(args[1], "=")
		found = state.splunk.Search()[name] == value
	case "cloud":
		found = state.cloud.Asked(args[1])
	case "hec":
		found = state.hec.Packed > 0
	}
	if found == neg {
		ts.Fatalf("asked %q: %v", args, found)
	}
}

// post sends a file to the service under test, as soon as that listens, and wants
// a status: "post 200 http://... FILE [HEADER=VALUE...]". "get" with a pattern wants
// that in an answer, sooner or later: "get URL PATTERN".
func post(ts *testscript.TestScript, neg bool, args []string) {
	answer := try(ts, func() (*http.Response, error) {
		r, err := http.NewRequest(http.MethodPost, args[1], strings.NewReader(ts.ReadFile(args[2])))
		ts.Check(err)
		for _, header := range args[3:] {
			name, value, _ := strings.Cut(header, "=")
			r.Header.Set(name, value)
		}
		return insecure.Do(r)
	})
	answer.Body.Close()
	if status := strconv.Itoa(answer.StatusCode); (status == args[0]) == neg {
		ts.Fatalf("%s answers %s", args[1], status)
	}
}

func get(ts *testscript.TestScript, neg bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[1])
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		answer := try(ts, func() (*http.Response, error) { return insecure.Get(args[0]) })
		text, err := io.ReadAll(answer.Body)
		ts.Check(err)
		answer.Body.Close()
		if pattern.Match(text) != neg {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s in %s: %v", args[1], text, neg)
		}
	}
}

// insecure is a client to the program under test, whose certificate is in the script.
var insecure = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}}

// try asks until there is an answer.
func try(ts *testscript.TestScript, ask func() (*http.Response, error)) *http.Response {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		answer, err := ask()
		if err == nil {
			return answer
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%v", err)
		}
	}
}

// free is an address that nobody listens on.
func free() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
