package scs_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/splunk/splunk-cloud-sdk-go/services"
	"github.com/splunk/splunk-cloud-sdk-go/services/ingest"
	"go.uber.org/goleak"

	"github.com/kubeanon/kubeanon/internal/splunk/scs"
	"github.com/kubeanon/kubeanon/internal/testing/fakescs"
)

func TestMain(m *testing.M) {
	if url := os.Getenv("KUBEANON_SENDER"); url != "" {
		sdkSender(url)
		return
	}
	goleak.VerifyTestMain(m)
}

// open opens a client of a tenant.
func open(t *testing.T, cloud *fakescs.Cloud, change func(*scs.Config)) (*scs.Client, error) {
	t.Helper()
	cloud.Tenant, cloud.ClientID, cloud.Secret, cloud.Token = "tenant", "id", "s:e&cret", "access"
	server := httptest.NewTLSServer(cloud)
	t.Cleanup(server.Close)
	config := scs.Config{
		URL: server.URL, Tenant: "tenant", ClientID: "id", Secret: "s:e&cret", AuthURL: server.URL + "/token",
		Warn: func(string, ...any) {}, Wait: time.Millisecond,
	}
	if change != nil {
		change(&config)
	}
	c, err := scs.Open(t.Context(), config)
	if err == nil {
		t.Cleanup(c.Close)
	}
	return c, err
}

// TestIngest: every event arrives once, over everything that goes wrong.
func TestIngest(t *testing.T) {
	cloud := &fakescs.Cloud{
		MaxSize: 20_000, Expire: map[int]bool{7: true, 20: true},
		Status: func(request int) int { return map[int]int{0: 429, 1: 503, 2: 500}[request%5] },
	}
	c, err := open(t, cloud, nil)
	if err != nil {
		t.Fatal(err)
	}
	confirmed := 0
	const n = 1234
	for i := range n {
		c.Add(scs.Event{
			Text: fmt.Appendf(nil, "event %d %s", i, strings.Repeat("x", i%60)), ID: fmt.Sprint(i),
			Source: "s", Sourcetype: "kube:audit", Host: "h", Time: time.Unix(1_800_000_000, 123_456_000),
		})
		if c.Full() {
			if err := c.Flush(t.Context(), func() { confirmed++ }); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.Add(scs.Event{Text: []byte(strings.Repeat("x", 30_000)), ID: "large"})
	if err := c.Flush(t.Context(), func() { confirmed++ }); err != nil {
		t.Fatal(err)
	}
	got := cloud.Events()
	if len(got) != n || c.Sent != n || c.Refused != 1 || confirmed != 3 {
		t.Fatalf("%d of %d events, %d sent, %d refused, %d confirmed", len(got), n, c.Sent, c.Refused, confirmed)
	}
	want := fakescs.Event{Body: "event 3 xxx", ID: "3", Host: "h", Source: "s", Sourcetype: "kube:audit", Timestamp: 1_800_000_000_123, Nanos: 456_000}
	if diff := cmp.Diff(want, got[3]); diff != "" {
		t.Error(diff)
	}
}

// TestSearch: all rows of all pages, by the newer path or the older.
func TestSearch(t *testing.T) {
	for _, old := range []bool{false, true} {
		cloud := &fakescs.Cloud{Polls: 2, Status: func(request int) int {
			if request%3 == 0 {
				return 503
			}
			return 0
		}}
		const n = 12_345
		for i := range n {
			cloud.Results = append(cloud.Results, map[string]any{"_raw": fmt.Sprint(i)})
		}
		c, err := open(t, cloud, func(c *scs.Config) { c.OldPath = old })
		if err != nil {
			t.Fatal(err)
		}
		looks, next := 0, 0
		err = c.Search(t.Context(), scs.Search{
			Query: "| from main", Earliest: "-1d", Latest: "now", Poll: time.Millisecond,
			Progress: func(percent, results int) { looks++ },
		}, func(row map[string]any) error {
			if row["_raw"] != fmt.Sprint(next) {
				t.Fatalf("row %d is %v", next, row)
			}
			next++
			return nil
		})
		if err != nil || next != n || looks != 3 {
			t.Errorf("%d of %d rows, %d looks: %v", next, n, looks, err)
		}
		if path := "POST /tenant/search/v2beta1/jobs"; cloud.Asked(path) != old {
			t.Errorf("%s: %v", path, !old)
		}
		if diff := cmp.Diff(map[string]any{"earliest": "-1d", "latest": "now"}, cloud.Query["queryParameters"]); diff != "" || cloud.Query["query"] != "| from main" {
			t.Error(cloud.Query)
		}
	}
}

// TestCancel: when the context ends, so does the job.
func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cloud := &fakescs.Cloud{Polls: 1 << 30}
	polls := 0
	cloud.OnPoll = func() {
		if polls++; polls == 3 {
			cancel()
		}
	}
	c, err := open(t, cloud, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = c.Search(ctx, scs.Search{Query: "x", Poll: time.Millisecond}, func(map[string]any) error { return nil })
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"sid-1"}, cloud.Cancelled()); diff != "" {
		t.Error(diff)
	}
}

// TestErrors: one line that says what to do, and no secret in it.
func TestErrors(t *testing.T) {
	for want, change := range map[string]func(*scs.Config, *fakescs.Cloud){
		"asking for a token: 401 Unauthorized; check the client ID and secret": func(c *scs.Config, _ *fakescs.Cloud) { c.Secret = "s3cret-wrong" },
		"check the token, or the client ID and secret":                         func(c *scs.Config, _ *fakescs.Cloud) { c.Token = "s3cret-wrong" },
		"404 Not Found (notFound no such tenant); is other the tenant?":        func(c *scs.Config, _ *fakescs.Cloud) { c.Tenant = "other" },
		"the search failed: unknown dataset":                                   func(_ *scs.Config, f *fakescs.Cloud) { f.Fails = true },
		"\"api.scp.splunk.com\" is no address; write https://HOST:PORT":        func(c *scs.Config, _ *fakescs.Cloud) { c.URL = "api.scp.splunk.com" },
	} {
		cloud := &fakescs.Cloud{}
		c, err := open(t, cloud, func(c *scs.Config) { change(c, cloud) })
		if err == nil {
			err = c.Search(t.Context(), scs.Search{Query: "x", Poll: time.Millisecond}, nil)
		}
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestBatchEventsSender shows why the SDK's own sender is not used: of the events
// it is given, some never arrive, and it reports no error. It runs in a process
// of its own, since it writes to standard output as it likes.
func TestBatchEventsSender(t *testing.T) {
	cloud := &fakescs.Cloud{Tenant: "tenant", Token: "access"}
	server := httptest.NewServer(cloud)
	defer server.Close()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "KUBEANON_SENDER="+server.URL, "GORACE=exitcode=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !strings.Contains(string(out), "sent 10 without an error") {
		t.Fatalf("%s", out)
	}
	if n := len(cloud.Events()); n == 10 {
		t.Error("the SDK's sender loses nothing any more: its use can be thought about again")
	} else {
		t.Logf("of 10 events %d arrived; the race detector, if it is on, found %d races", n, strings.Count(string(out), "DATA RACE"))
	}
}

// sdkSender sends ten events with the SDK's sender.
func sdkSender(url string) {
	service, err := ingest.NewService(&services.Config{
		Scheme: "http", OverrideHost: strings.TrimPrefix(url, "http://"), Tenant: "tenant", Token: "access",
	})
	if err != nil {
		panic(err)
	}
	sender, err := service.NewBatchEventsSender(3, 60_000, 0)
	if err != nil {
		panic(err)
	}
	sender.Run()
	for i := range 10 {
		id := fmt.Sprint(i)
		if err := sender.AddEvent(ingest.Event{Body: "event " + id, Id: &id}); err != nil {
			panic(err)
		}
	}
	sender.Stop()
	if len(sender.Errors) == 0 {
		fmt.Println("sent 10 without an error")
	}
}
