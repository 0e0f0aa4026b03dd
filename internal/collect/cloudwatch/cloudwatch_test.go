package cloudwatch_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubeanon/kubeanon/internal/collect/cloudwatch"
)

// fake is a CloudWatch Logs that behaves as badly as the real one: events
// become visible late, pages are empty, calls are throttled. Its clock is that
// of the test.
type fake struct {
	mu     sync.Mutex
	now    time.Time
	events []stored
	calls  int
	reply  func(call int) (status int, kind string) // what to answer instead; status 0 for the truth
	asked  map[string]any                           // the last request
}

type stored struct {
	EventID       string `json:"eventId"`
	LogStreamName string `json:"logStreamName"`
	Message       string `json:"message"`
	Timestamp     int64  `json:"timestamp"`
	IngestionTime int64  `json:"ingestionTime"`
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	fail := func(status int, kind string) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": kind, "message": "as told"})
	}
	if f.reply != nil {
		if status, kind := f.reply(f.calls); status != 0 {
			fail(status, kind)
			return
		}
	}
	if r.Header.Get("X-Amz-Target") != "Logs_20140328.FilterLogEvents" {
		fail(http.StatusBadRequest, "UnknownOperationException")
		return
	}
	var in struct {
		StartTime int64
		NextToken string
	}
	f.asked = map[string]any{}
	var body json.RawMessage
	if json.NewDecoder(r.Body).Decode(&body) != nil || json.Unmarshal(body, &in) != nil || json.Unmarshal(body, &f.asked) != nil {
		fail(http.StatusBadRequest, "SerializationException")
		return
	}
	var visible []stored
	for _, e := range f.events {
		if e.Timestamp >= in.StartTime && e.IngestionTime <= f.now.UnixMilli() {
			visible = append(visible, e)
		}
	}
	slices.SortStableFunc(visible, func(a, b stored) int { return int(a.Timestamp - b.Timestamp) })
	from, _ := strconv.Atoi(in.NextToken)
	const page = 250
	answer := map[string]any{"events": []stored{}}
	switch {
	case from%2 == 0 && from < len(visible): // every other page is empty, but not the last
		answer["nextToken"] = strconv.Itoa(from + 1)
	case from%2 == 1:
		end := min(from-1+page, len(visible))
		answer["events"] = visible[from-1 : end]
		if end < len(visible) {
			answer["nextToken"] = strconv.Itoa(end + end%2)
			if end%2 == 1 {
				answer["events"] = visible[from-1 : end+1]
				answer["nextToken"] = strconv.Itoa(end + 1)
			}
		}
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(answer)
}

func open(t *testing.T, f *fake, state *cloudwatch.State, first bool, out func([]cloudwatch.Event) error) *cloudwatch.Collector {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "example")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	c := &cloudwatch.Collector{
		Group: cloudwatch.Group{Region: "eu-west-1", Name: "/aws/eks/prod/cluster", StreamPrefix: "kube-apiserver-audit-", Endpoint: server.URL, NoIMDS: true},
		State: state, First: first, Out: out, Save: func() error { return nil }, Warn: t.Logf, Calls: 1000,
		Now: func() time.Time { f.mu.Lock(); defer f.mu.Unlock(); return f.now },
	}
	if err := c.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestLate: 6,600 events of two API servers, one of which lags 90 seconds, with
// several in a millisecond, restarts and a death before the checkpoint: none is
// lost, and but for that death none comes twice.
func TestLate(t *testing.T) {
	begin := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	f := &fake{now: begin}
	for i := range 6600 {
		at := begin.Add(time.Duration(i/3) * 100 * time.Millisecond) // three in a millisecond
		lag := 500 * time.Millisecond
		if i%2 == 1 {
			lag = 90 * time.Second
		}
		f.events = append(f.events, stored{
			EventID: fmt.Sprintf("id-%d", i), LogStreamName: fmt.Sprintf("kube-apiserver-audit-%d", i%2), Message: fmt.Sprintf("message %d", i),
			Timestamp: at.UnixMilli(), IngestionTime: at.Add(lag).UnixMilli(),
		})
	}
	f.events = append(f.events, stored{EventID: "other", LogStreamName: "kube-scheduler-1", Message: "other", Timestamp: begin.UnixMilli()})
	got := map[string]int{}
	out := func(events []cloudwatch.Event) error {
		for _, e := range events {
			got[e.Message]++
		}
		return nil
	}
	state := &cloudwatch.State{}
	c := open(t, f, state, true, out)
	calls := 0
	for step := range 12 {
		f.mu.Lock()
		f.now = f.now.Add(30 * time.Second)
		f.mu.Unlock()
		if err := c.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
		if step%4 == 3 { // a restart, by way of the file
			text, err := json.Marshal(state)
			if err != nil {
				t.Fatal(err)
			}
			state = &cloudwatch.State{}
			if err := json.Unmarshal(text, state); err != nil {
				t.Fatal(err)
			}
			calls += f.calls
			c = open(t, f, state, false, out)
		}
	}
	lost, twice := 0, 0
	for i := range 6600 {
		switch got[fmt.Sprintf("message %d", i)] {
		case 0:
			lost++
		case 1:
		default:
			twice++
		}
	}
	t.Logf("6600 events, %d lost, %d more than once, %d calls", lost, twice, f.calls)
	if lost+twice > 0 || got["other"] > 0 || len(got) != 6600 {
		t.Errorf("%d lost, %d more than once, %d in all", lost, twice, len(got))
	}
}

// TestDeath: dying before the checkpoint brings the last look once more, and
// loses nothing.
func TestDeath(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	f := &fake{now: now, events: []stored{{EventID: "a", LogStreamName: "kube-apiserver-audit-1", Message: "m", Timestamp: now.UnixMilli()}}}
	dead := errors.New("dead")
	state := &cloudwatch.State{}
	n := 0
	c := open(t, f, state, true, func([]cloudwatch.Event) error { n++; return dead })
	if err := c.Run(t.Context()); !errors.Is(err, dead) {
		t.Errorf("%v", err)
	}
	c = open(t, f, &cloudwatch.State{}, true, func([]cloudwatch.Event) error { n++; return nil })
	if err := c.Look(t.Context()); err != nil || n != 2 {
		t.Errorf("%v, %d times", err, n)
	}
}

// TestBacklog: a first look into a group with a past takes long. Dying in the
// middle of it brings the last half minute of it once more, not all, and what is
// remembered is bounded by time.
func TestBacklog(t *testing.T) {
	const n, dies = 12_000, 10_000
	begin := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	f := &fake{now: begin.Add(n * time.Second)}
	for i := range n {
		at := begin.Add(time.Duration(i) * time.Second).UnixMilli()
		f.events = append(f.events, stored{EventID: fmt.Sprintf("id-%d", i), LogStreamName: "kube-apiserver-audit-1", Message: fmt.Sprint(i), Timestamp: at, IngestionTime: at})
	}
	f.reply = func(int) (int, string) {
		f.now = f.now.Add(time.Second)
		return 0, ""
	}
	got, out := map[string]int{}, 0
	dead := errors.New("dead")
	collect := func(events []cloudwatch.Event) error {
		if out >= dies && out < dies+1000 {
			out += 1000 // it dies once
			return dead
		}
		out += len(events)
		for _, e := range events {
			got[e.Message]++
		}
		return nil
	}
	saved := []byte("{}")
	state := &cloudwatch.State{}
	save := func() (err error) {
		saved, err = json.Marshal(state)
		return err
	}
	c := open(t, f, state, true, collect)
	c.Save = save
	if err := c.Look(t.Context()); err == nil || !strings.Contains(err.Error(), "dead") {
		t.Fatalf("%v", err)
	}
	if len(saved) < 1000 || len(saved) > 60_000 {
		t.Errorf("%d bytes are remembered", len(saved))
	}
	state = &cloudwatch.State{}
	if err := json.Unmarshal(saved, state); err != nil {
		t.Fatal(err)
	}
	c = open(t, f, state, false, collect)
	c.Save = save
	if err := c.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	twice := 0
	for _, times := range got {
		twice += times - 1
	}
	t.Logf("%d of %d events, %d twice", len(got), n, twice)
	if len(got) != n || twice > 15*250 { // half of the calls bring a page
		t.Errorf("%d of %d events, %d twice", len(got), n, twice)
	}
}

// TestErrors: throttling is waited for; what cannot be answered is an error of
// the look, and the next one goes on.
func TestErrors(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	f := &fake{now: now, events: []stored{{EventID: "a", LogStreamName: "kube-apiserver-audit-1", Message: "m", Timestamp: now.UnixMilli()}}}
	n := 0
	c := open(t, f, &cloudwatch.State{}, true, func([]cloudwatch.Event) error { n++; return nil })
	f.reply = func(call int) (int, string) {
		if call <= 2 {
			return http.StatusBadRequest, "ThrottlingException"
		}
		return 0, ""
	}
	if err := c.Look(t.Context()); err != nil || n != 1 {
		t.Fatalf("%v, %d events", err, n)
	}
	f.reply = func(int) (int, string) { return http.StatusBadRequest, "ExpiredTokenException" }
	if err := c.Look(t.Context()); err == nil || !strings.Contains(err.Error(), "ExpiredToken") {
		t.Errorf("%v", err)
	}
	f.reply = func(int) (int, string) { return http.StatusBadRequest, "ResourceNotFoundException" }
	if err := c.Try(t.Context()); err == nil || !strings.Contains(err.Error(), "ResourceNotFound") {
		t.Errorf("%v", err)
	}
	f.reply = nil
	f.events = append(f.events, stored{EventID: "b", LogStreamName: "kube-apiserver-audit-1", Message: "n", Timestamp: now.UnixMilli()})
	if err := c.Look(t.Context()); err != nil || n != 2 {
		t.Errorf("%v, %d events", err, n)
	}
}

// TestRequest: what is asked is what was configured.
func TestRequest(t *testing.T) {
	f := &fake{now: time.UnixMilli(2_000_000_000_000)}
	c := open(t, f, &cloudwatch.State{}, true, nil)
	c.Group.Pattern = `?"system:anonymous"`
	c.FromEnd = true
	if err := c.Open(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := c.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f.asked["logGroupName"] != "/aws/eks/prod/cluster" || f.asked["logStreamNamePrefix"] != "kube-apiserver-audit-" || f.asked["filterPattern"] != `?"system:anonymous"` ||
		f.asked["startTime"].(float64) != 2_000_000_000_000-30*60*1000 {
		t.Errorf("%v", f.asked)
	}
}

func TestParse(t *testing.T) {
	for address, want := range map[string]string{
		"cloudwatch://eu-west-1//aws/eks/prod/cluster": "eu-west-1 /aws/eks/prod/cluster",
		"cloudwatch://eu-west-1/aws/eks/prod/cluster":  "eu-west-1 /aws/eks/prod/cluster",
		"cloudwatch://eu-west-1/audit":                 "eu-west-1 audit",
		"cloudwatch://eu-west-1":                       "",
		"cloudwatch:///x":                              "",
	} {
		region, group, err := cloudwatch.Parse(address)
		if want == "" && err == nil || want != "" && (err != nil || region+" "+group != want) {
			t.Errorf("%s: %s %s, %v", address, region, group, err)
		}
	}
}
