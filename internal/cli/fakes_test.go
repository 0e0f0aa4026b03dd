package cli_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubeanon/kubeanon/internal/scs/fakescs"
	"github.com/kubeanon/kubeanon/internal/splunk/fakehec"
	"github.com/kubeanon/kubeanon/internal/splunk/fakerest"
)

// secretToken is what no output may ever hold.
const secretToken = "s3cret-0123456789"

// fakes are the servers of one script.
type fakes struct {
	hec  *fakehec.Collector
	seen leaks
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
// EVENTS is the _raw of a result.
func fake(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: fake hec [OPTION...] | splunk EVENTS [OPTION...] | cloud EVENTS [OPTION...]")
	}
	state := ts.Value("fakes").(*fakes)
	var results []map[string]any
	options := args[1:]
	if args[0] != "hec" {
		for line := range strings.Lines(ts.ReadFile(args[1])) {
			results = append(results, map[string]any{"_raw": strings.TrimSuffix(line, "\n")})
		}
		options = args[2:]
	}
	has := func(name string) bool {
		for _, o := range options {
			if o == name {
				return true
			}
		}
		return false
	}
	var handler http.Handler
	switch args[0] {
	case "hec":
		state.hec = &fakehec.Collector{Token: secretToken, UseACK: has("ack")}
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
		handler = s
	case "cloud":
		handler = &fakescs.Cloud{Tenant: "mine", ClientID: "id", Secret: secretToken, Token: secretToken, Results: results, Polls: 1}
	}
	server := httptest.NewTLSServer(state.seen.watch(handler))
	ts.Defer(server.Close)
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
