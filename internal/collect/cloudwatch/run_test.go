package cloudwatch_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/kubeanon/kubeanon/internal/collect/cloudwatch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inMemory answers without a network, so that the clock of the test goes on
// while nobody computes.
type inMemory struct{ http.Handler }

func (t inMemory) Do(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	t.ServeHTTP(answer, r)
	return answer.Result(), r.Context().Err()
}

// collector is one that counts what comes.
func collector(got map[string]int) *cloudwatch.Collector {
	return &cloudwatch.Collector{
		Group: cloudwatch.Group{Region: "eu-west-1", Name: "/aws/eks/prod/cluster", Endpoint: "http://logs", NoIMDS: true},
		State: &cloudwatch.State{}, First: true, Save: func() error { return nil }, Warn: func(string, ...any) {},
		Out: func(events []cloudwatch.Event) error {
			for _, e := range events {
				got[e.Message]++
			}
			return nil
		},
	}
}

// TestHours runs the collector as it runs for its user, three hours long by the
// clock of the test: writers that lag up to 20 minutes, throttling in bursts, an
// hour in which the credentials have expired. Nothing is lost, nothing comes
// twice, and AWS is never asked more often than the budget allows.
func TestHours(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "example")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	t.Setenv("AWS_CA_BUNDLE", "") // it is for the network
	synctest.Test(t, func(t *testing.T) {
		const n = 10_800
		begin := time.Now()
		f := &fake{now: begin}
		for i := range n {
			at := begin.Add(time.Duration(i) * time.Second)
			lag := time.Duration(i%7) * 3 * time.Minute // 0 to 18 minutes
			if i%1000 == 0 {
				lag = 19*time.Minute + 20*time.Second // a look may be a burst of throttling late
			}
			f.events = append(f.events, stored{
				EventID: fmt.Sprintf("id-%d", i), LogStreamName: "kube-apiserver-audit-1", Message: fmt.Sprint(i),
				Timestamp: at.UnixMilli(), IngestionTime: at.Add(lag).UnixMilli(),
			})
		}
		var calls []time.Time
		f.reply = func(call int) (int, string) {
			now := time.Now()
			calls = append(calls, now)
			f.now = now
			switch since := now.Sub(begin); {
			case since > time.Hour && since < 2*time.Hour:
				return http.StatusBadRequest, "ExpiredTokenException"
			case call%50 < 3:
				return http.StatusBadRequest, "ThrottlingException"
			}
			return 0, ""
		}
		got := map[string]int{}
		// The last line is visible after 3 h 20 min at most, and the look that must
		// find it is ten minutes after that.
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour+40*time.Minute)
		defer cancel()
		c := collector(got)
		c.Through(inMemory{f})
		if err := c.Open(ctx); err != nil {
			t.Fatal(err)
		}
		if err := c.Run(ctx); err != nil {
			t.Fatal(err)
		}
		twice := 0
		for _, times := range got {
			if times > 1 {
				twice++
			}
		}
		busiest := 0
		for first, last := 0, 0; last < len(calls); last++ {
			for calls[last].Sub(calls[first]) >= 10*time.Second {
				first++
			}
			busiest = max(busiest, last-first+1)
		}
		t.Logf("%d of %d events, %d twice, %d calls in %s, at most %d in ten seconds", len(got), n, twice, len(calls), time.Since(begin), busiest)
		if len(got) != n || twice > 0 {
			t.Errorf("%d of %d events, %d twice", len(got), n, twice)
		}
		if busiest > 50 { // AWS allows 5 a second
			t.Errorf("%d calls in ten seconds", busiest)
		}
	})
}

// TestClock: the machine's clock jumps hours forwards and backwards, also before
// the very first look. What is written after that comes out, once.
func TestClock(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "example")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	t.Setenv("AWS_CA_BUNDLE", "")
	for _, tc := range []struct {
		name  string
		hours []int // how far the clock is off, for an hour each
		lost  int   // what start_at=end cannot know to be new before the clock is right, an event a minute
	}{
		{"forwards", []int{0, 6, 6, 0, 0}, 0},
		{"backwards", []int{0, -6, -6, 0, 0}, 0},
		{"there and back", []int{0, 9, -9, 30, 0}, 0},
		{"ahead at the start", []int{6, 0, 0}, 60},
		{"behind at the start", []int{-6, 0, 0}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				f := &fake{now: begin}
				n := 60 * len(tc.hours)
				for i := range n {
					at := begin.Add(time.Duration(i)*time.Minute + time.Second)
					f.events = append(f.events, stored{
						EventID: fmt.Sprintf("id-%d", i), LogStreamName: "kube-apiserver-audit-1", Message: fmt.Sprint(i),
						Timestamp: at.UnixMilli(), IngestionTime: at.Add(3 * time.Second).UnixMilli(),
					})
				}
				f.reply = func(int) (int, string) {
					f.now = time.Now()
					return 0, ""
				}
				got := map[string]int{}
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(len(tc.hours))*time.Hour+time.Minute)
				defer cancel()
				c := collector(got)
				c.FromEnd, c.Warn = true, t.Logf
				c.Now = func() time.Time {
					hour := min(int(time.Since(begin)/time.Hour), len(tc.hours)-1)
					return time.Now().Add(time.Duration(tc.hours[hour]) * time.Hour)
				}
				c.Through(inMemory{f})
				if err := c.Open(ctx); err != nil {
					t.Fatal(err)
				}
				if err := c.Run(ctx); err != nil {
					t.Fatal(err)
				}
				lost, twice := 0, 0
				for i := range n {
					switch times := got[fmt.Sprint(i)]; {
					case times == 0:
						lost++
					case times > 1:
						twice++
					}
				}
				t.Logf("%d events, %d lost, %d twice", n, lost, twice)
				if lost > tc.lost || twice > 0 {
					t.Errorf("%d lost, %d twice", lost, twice)
				}
			})
		})
	}
}
