package fakehec_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/kubeanon/kubeanon/internal/testing/fakehec"
)

// TestSplunkLogging holds the collector against a client that somebody else
// wrote: Splunk's own for Node.js. ./build.sh hecclient installs it.
func TestSplunkLogging(t *testing.T) {
	dir := os.Getenv("KUBEANON_SPLUNK_LOGGING")
	if dir == "" {
		t.Skip("NOT CHECKED against npm's splunk-logging: ./build.sh hecclient installs it and runs this test")
	}
	fake := &fakehec.Collector{Token: "token", Indexes: []string{"k8s"}, Fault: func(request int) fakehec.Fault {
		if request == 2 {
			return fakehec.Reset // it retries when the network fails, and then only
		}
		return fakehec.None
	}}
	server := httptest.NewServer(fake)
	defer server.Close()
	const n = 25
	cmd := exec.Command("node", filepath.Join(dir, "send.js"), server.URL, "token", "25")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got := map[string]int{}
	for _, e := range fake.Events() {
		got[e.Text()]++
		if e.Source != "node" || e.Sourcetype != "kube:audit" || e.Index != "k8s" || e.Time == "" {
			t.Errorf("%+v", e)
		}
	}
	if len(got) != n {
		t.Errorf("%d of %d events", len(got), n)
	}
	if cmd := exec.Command("node", filepath.Join(dir, "send.js"), server.URL, "wrong", "1"); cmd.Run() == nil {
		t.Error("a wrong token is taken")
	}
}
