package collect

import (
	"strings"
	"testing"
	"time"

	"github.com/kubeanon/kubeanon/internal/audit"
)

func TestFilterExpression(t *testing.T) {
	event := func(verb, user, resource string) string {
		return `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"1","verb":"` + verb + `","user":{"username":"` + user + `"},"objectRef":{"resource":"` + resource + `"}}`
	}
	for _, tc := range []struct {
		filter, text string
		want         bool
	}{
		{"all", "anything", true},
		{"anonymous", event("get", "system:anonymous", ""), true},
		{"anonymous", event("get", "alice", ""), false},
		{"anonymous", event("get", "system:anonymous", "")[:100], true}, // cut: it may be one
		{"verb=create,delete", event("create", "a", "pods"), true},
		{"verb=create,delete", event("get", "a", "pods"), false},
		{"verb!=get,list,watch", event("get", "a", "pods"), false},
		{"verb!=get,list,watch", event("patch", "a", "pods"), true},
		{"verb!=get user.username!=system:node:*", event("create", "system:node:w1", "pods"), false},
		{"verb!=get user.username!=system:node:*", event("create", "alice", "pods"), true},
		{"objectRef.resource=-", event("get", "a", ""), true},
		{"objectRef.resource=-", event("get", "a", "pods"), false},
		{"verb=create", "no event at all", true},
		{"verb=create", event("get", "alice", "pods")[:90], true},
		{"verb=create", `{"log":` + quoted(event("create", "a", "x")) + `}`, true}, // in a wrapper
		{"verb=create", `{"log":` + quoted(event("get", "a", "x")) + `}`, false},
	} {
		f, err := ParseFilter(tc.filter)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := newSieve(f, &counters{}).take([]byte(tc.text)); got != tc.want {
			t.Errorf("%s of %s: %v", tc.filter, tc.text, got)
		}
	}
}

func quoted(s string) string {
	out := []byte{'"'}
	for _, c := range []byte(s) {
		if c == '"' {
			out = append(out, '\\')
		}
		out = append(out, c)
	}
	return string(append(out, '"'))
}

// eventTexts are texts of every form whose time is read.
var eventTexts = []string{
	`{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"1","verb":"create","user":{"username":"system:anonymous"},"requestReceivedTimestamp":"2026-11-23T09:28:47.400470Z"}`,
	`{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"1","verb":"create","userAgent":"\",\"requestReceivedTimestamp\":\"2001-01-01T00:00:00Z\"","user":{"username":"system:anonymous"},"requestReceivedTimestamp":"2026-11-23T09:28:47.400470Z"}`,
	`{"apiVersion":"audit.k8s.io/v1","kind":"Event","verb":"create","user":{"username":"system:anonymous"},"requestReceivedTimestamp":"2026-11-23T09:28:47Z"}`,
	`{"kind":"Event","apiVersion":"audit.k8s.io/v1","user":{"username":"system:anonymous"},"requestReceivedTimestamp":"2026-11-23T09:28:47Z"}{"kind":"Event","apiVersion":"audit.k8s.io/v1","user":{"username":"system:anonymous"},"requestReceivedTimestamp":"2001-11-23T09:28:47Z"}`,
	`{"kind":"Event","apiVersion":"audit.k8s.io/v1","user":{"username":"system:anonymous"},"requestReceivedTimestamp":"2026-11-23T09:28:47Z"} rest`,
	`{"kind":"Event","apiVersion":"audit.k8s.io/v1","user":{"username":"system:anonymous"},"requestReceivedTimestamp":"2026-11-23T09:28:47Z","x":`,
	`{"kind":"Event","apiVersion":"audit.k8s.io/v1","user":{"username":"system:anonymous"},"requestReceivedTimestamp":"yesterday"}`,
	`{"log":"{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"user\":{\"username\":\"system:anonymous\"},\"requestReceivedTimestamp\":\"2026-11-23T09:28:47Z\"}"}`,
	"\ufeff" + `{"kind":"Event","apiVersion":"audit.k8s.io/v1","user":{"username":"system:anonymous"},"requestReceivedTimestamp":"2026-11-23T09:28:47Z"}`,
	`no event`,
}

// FuzzEventTime: whatever the filter, the time of a text is the one that a full
// decode of it gives; a filter that has read the event does not change that.
func FuzzEventTime(f *testing.F) {
	for _, text := range eventTexts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var d audit.Decoder
		var want time.Time
		if ev, err := d.Decode(text); err == nil {
			want, _ = time.Parse(time.RFC3339Nano, ev.RequestReceivedTimestamp)
		}
		for _, expression := range []string{"all", "anonymous", "verb=create", "verb!=nothing"} {
			filter, err := ParseFilter(expression)
			if err != nil {
				t.Fatal(err)
			}
			s := newSieve(filter, &counters{})
			for range 2 { // the second time with used scratch
				if at, ok := s.take(text); ok && !at.Equal(want) {
					t.Fatalf("%s: %s, want %s", expression, at, want)
				}
			}
		}
	})
}

// BenchmarkTake is what a line of a log costs until it is handed to splunkd.
func BenchmarkTake(b *testing.B) {
	text := []byte(strings.Replace(soakText, "system:node:a", "alice", 1))
	for _, expression := range []string{"all", "anonymous", "verb=get"} {
		b.Run(expression, func(b *testing.B) {
			filter, err := ParseFilter(expression)
			if err != nil {
				b.Fatal(err)
			}
			s := newSieve(filter, &counters{})
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				s.take(text)
			}
		})
	}
}

// soakText is an event of 1 KB, as an API server writes it.
var soakText = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"00000001","stage":"ResponseComplete",` +
	`"requestURI":"/api/v1/namespaces/default/secrets/s1","verb":"get","user":{"username":"system:node:a","groups":["system:nodes"]},"sourceIPs":["203.0.113.7"],"userAgent":"curl/8",` +
	`"objectRef":{"resource":"secrets","namespace":"default","name":"s1","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":403},` +
	`"requestReceivedTimestamp":"2026-11-23T09:28:47.000001Z","stageTimestamp":"2026-11-23T09:28:48.000000Z",` +
	`"annotations":{"authorization.k8s.io/decision":"forbid","authorization.k8s.io/reason":"` + strings.Repeat("no RBAC policy matched; ", 17) + `"}}`
