package audit_test

import (
	"strings"
	"testing"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/testing/corpus"
)

const (
	stampHead = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","user":{"username":"u"}`
	stamp     = `,"requestReceivedTimestamp":"2026-11-23T09:28:47.400470Z"`
	stampTime = "2026-11-23T09:28:47.400470Z"
)

// timestamps are texts with the time that the decoder reads of each; walked
// says whether it is read without the decoder.
var timestamps = []struct {
	name, text string
	walked     bool
	want       string
}{
	{"as the API server writes it", plain, true, stampTime},
	{"none", stampHead + `}`, true, ""},
	{"in a string", stampHead + `,"requestURI":"/a?b=\",\"requestReceivedTimestamp\":\"2001-01-01T00:00:00Z\"","userAgent":"\"requestReceivedTimestamp\":\"2001-01-01T00:00:00Z\""` + stamp + `}`, true, stampTime},
	{"a string that ends in a backslash", stampHead + `,"userAgent":"\\","requestURI":"\\\""` + stamp + `}`, true, stampTime},
	{"only in a string", stampHead + `,"userAgent":",\"requestReceivedTimestamp\":\"2001-01-01T00:00:00Z\""}`, true, ""},
	{"only in a nested object", stampHead + `,"requestObject":{"requestReceivedTimestamp":"2001-01-01T00:00:00Z"},"annotations":{"requestReceivedTimestamp":"2001-01-01T00:00:00Z"}}`, true, ""},
	{"nested before and after", stampHead + `,"requestObject":{"requestReceivedTimestamp":"2001"}` + stamp + `,"annotations":{"requestReceivedTimestamp":"2002"}}`, true, stampTime},
	{"in an array", stampHead + `,"x":[{"requestReceivedTimestamp":"2001"}]` + stamp + `}`, true, stampTime},
	{"white space", strings.ReplaceAll(stampHead, `,"auditID"`, " ,\t\"auditID\"") + "\r\n" + stamp + " } \n", true, stampTime},
	{"an escape in it", stampHead + `,"requestReceivedTimestamp":"2026\u002d11"}`, false, "2026-11"},
	{"an escape in its name", stampHead + `,"request\u0052eceivedTimestamp":"2026"}`, false, "2026"},
	{"twice", stampHead + `,"requestReceivedTimestamp":"2001"` + stamp + `}`, false, stampTime},
	{"in another letter case", stampHead + `,"REQUESTReceivedTimestamp":"2001"}`, false, "2001"},
	{"with a long s", stampHead + `,"requeſtReceivedTimestamp":"2001"}`, false, "2001"},
	{"a number", stampHead + `,"requestReceivedTimestamp":17}`, false, "17"},
	{"null", stampHead + `,"requestReceivedTimestamp":null}`, false, ""},
	{"kind twice", stampHead + stamp + `,"kind":"EventList"}`, false, ""},
	{"version twice", stampHead + stamp + `,"apiVersion":"v1"}`, false, ""},
	{"KIND", stampHead + stamp + `,"KIND":"EventList"}`, false, ""},
	{"a list", `{"kind":"EventList","apiVersion":"audit.k8s.io/v1"` + stamp + `}`, false, ""},
	{"cut before it", stampHead + `,"requestReceivedTimes`, false, ""},
	{"cut after it", stampHead + stamp + `,"annotations":{"a":"`, false, stampTime},
	{"something behind it", stampHead + stamp + `}x`, false, stampTime},
	{"a comma too many", stampHead + `,"x":[1,]` + stamp + `}`, false, ""},
	{"two events", stampHead + stamp + `}` + stampHead + `}`, false, stampTime},
	{"numbers", stampHead + `,"x":[0,-1,12345678901234567]` + stamp + `}`, true, stampTime},
	{"a fraction", stampHead + `,"x":1.5` + stamp + `}`, false, stampTime},
	{"a leading zero", stampHead + `,"x":01` + stamp + `}`, false, ""},
	{"deep", stampHead + `,"x":` + strings.Repeat("[", 65) + strings.Repeat("]", 65) + stamp + `}`, false, stampTime},
	{"a control character", stampHead + ",\"x\":\"\x01\"" + stamp + `}`, false, ""},
	{"an escape that does not exist", stampHead + `,"x":"\x"` + stamp + `}`, false, ""},
	{"no event", `{"a":1}`, false, ""},
	{"nothing", ``, false, ""},
}

// TestTimestamp: the time is that which the decoder reads, whatever a client
// writes into its request, and events of the API server do not need the decoder.
func TestTimestamp(t *testing.T) {
	var d audit.Decoder
	for _, tc := range timestamps {
		if got := d.Timestamp([]byte(tc.text)); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
		if walked := audit.Walked([]byte(tc.text)); walked != tc.walked {
			t.Errorf("%s: read without the decoder: %v", tc.name, walked)
		}
	}
}

// TestTimestampReal: of every recorded event the time is that of the decoder,
// and all of them are read without it.
func TestTimestampReal(t *testing.T) {
	var walk, decode audit.Decoder
	n, walked := 0, 0
	for _, ev := range corpus.Events(t) {
		n++
		want, err := decode.Decode([]byte(ev.Raw))
		if err != nil {
			t.Fatal(err)
		}
		if got := walk.Timestamp([]byte(ev.Raw)); got != want.RequestReceivedTimestamp || got == "" {
			t.Errorf("%q, want %q: %s", got, want.RequestReceivedTimestamp, ev.Raw)
		}
		if audit.Walked([]byte(ev.Raw)) {
			walked++
		}
	}
	t.Logf("%d of %d events without the decoder", walked, n)
	if n == 0 || walked < n*99/100 {
		t.Errorf("%d of %d events without the decoder", walked, n)
	}
}

// FuzzTimestamp compares Timestamp with Decode, at every text.
func FuzzTimestamp(f *testing.F) {
	for _, tc := range timestamps {
		f.Add([]byte(tc.text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var walk, decode audit.Decoder
		want := ""
		if ev, err := decode.Decode(text); err == nil {
			want = ev.RequestReceivedTimestamp
		}
		if got := walk.Timestamp(text); got != want {
			t.Fatalf("%q, but decoded %q", got, want)
		}
	})
}

// BenchmarkTimestamp is to be compared with BenchmarkDecode.
func BenchmarkTimestamp(b *testing.B) {
	var d audit.Decoder
	text := []byte(plain)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if d.Timestamp(text) != stampTime {
			b.Fatal("another time")
		}
	}
}
