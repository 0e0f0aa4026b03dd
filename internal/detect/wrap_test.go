package detect_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
)

const anonymousEvent = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a-1","stage":"ResponseComplete","requestURI":"/api/v1/secrets","verb":"list","user":{"username":"system:anonymous","groups":["system:unauthenticated"]}}`

// wrapAtRandom wraps a text in one layer.
func wrapAtRandom(r *rand.Rand, text string) string {
	str := func(s string) string {
		b, err := json.Marshal(s)
		if err != nil {
			panic(err)
		}
		return string(b)
	}
	key := func() string {
		b := make([]byte, 1+r.IntN(12))
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyz_.@-KR"[r.IntN(32)]
		}
		return str(string(b))
	}
	compress := func(w io.WriteCloser) {
		_, _ = io.WriteString(w, text)
		_ = w.Close()
	}
	value := str(text)
	if json.Valid([]byte(text)) && r.IntN(2) == 0 {
		value = text
	}
	encoding := []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding}[r.IntN(3)]
	var b bytes.Buffer
	switch r.IntN(10) {
	case 0, 1:
		return "{" + key() + ":1," + key() + ":" + value + "}"
	case 2:
		return "{" + key() + ":{" + key() + ":[" + value + "]}}"
	case 3:
		return "[" + value + "]"
	case 4:
		compress(gzip.NewWriter(&b))
		return str(encoding.EncodeToString(b.Bytes()))
	case 5:
		compress(zlib.NewWriter(&b))
		return "{" + key() + ":" + str(encoding.EncodeToString(b.Bytes())) + "}"
	case 6:
		return encoding.EncodeToString([]byte(text))
	case 7:
		return strings.Repeat("some words ", r.IntN(80)) + text
	case 8:
		return `x,"` + strings.ReplaceAll(text, `"`, `""`) + `"`
	}
	return "time=1 msg=" + str(text)
}

// checkWrapped fails the test if an anonymous event is passed over in silence.
func checkWrapped(t *testing.T, seed uint64) (found bool) {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 7))
	text := anonymousEvent
	for range 1 + r.IntN(4) {
		text = wrapAtRandom(r, text)
	}
	a := detect.New(judge.DefaultPolicy(), false)
	if a.CanSkip([]byte(text), false) {
		t.Fatalf("seed %d: passed over unparsed\n%s", seed, text)
	}
	_, reason := a.Text([]byte(text), func(*detect.Finding) { found = true })
	if !found && reason == detect.Decided {
		t.Fatalf("seed %d: neither found nor undecidable\n%s", seed, text)
	}
	return found
}

// TestWrapped: an event in one to four layers of keys, encodings and packings
// that no format knows is found or undecidable, and nearly always found.
func TestWrapped(t *testing.T) {
	const n = 3000
	found := 0
	for seed := range uint64(n) {
		if checkWrapped(t, seed) {
			found++
		}
	}
	t.Logf("%d of %d found", found, n)
	if found < n*9/10 {
		t.Errorf("only %d of %d found", found, n)
	}
}

func FuzzWrapped(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { checkWrapped(t, seed) })
}

// TestNeverSilent: each text names or packs anonymous, and none is decided
// without a finding, unless it surely is no event.
func TestNeverSilent(t *testing.T) {
	for _, tc := range []struct {
		text   string
		reason detect.Reason
	}{
		{`{"apiVersion":"audit.k8s.io/v1","kind":"Event","who":"system:anonymous"}`, detect.Identity},
		{`{"apiVersion":"audit.k8s.io/v1","kind":"Event","user":{"login":"system:anonymous"}}`, detect.Identity},
		{`[{"apiVersion":"audit.k8s.io/v1","user":"alice"},{"who":{"is":"system:anonymous"}}]`, detect.NoEvent},
		{`{"blob":"` + "KLUv/SAA" + strings.Repeat("A", 80) + `"}`, detect.Packed},
		{`{"kind":"Status","apiVersion":"v1","message":"User \"system:anonymous\" cannot list"}`, detect.Decided},
		{`{"message":"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"message\":\"system:anonymous\"}"}`, detect.Decided},
		{`{"kind":"Policy","apiVersion":"audit.k8s.io/v1","rules":[{"users":["system:anonymous"]}]}`, detect.Decided},
		{`{"apiVersion":"audit.k8s.io/v1","user":"alice","requestObject":` + anonymousEvent + `}`, detect.Decided},
		{`{"schemaVersion":"2.0","type":"x","service":{},"severity":5,"user":"system:anonymous"}`, detect.Dialect},
	} {
		a := detect.New(judge.DefaultPolicy(), false)
		_, reason := a.Text([]byte(tc.text), func(f *detect.Finding) { t.Errorf("a finding in %s", tc.text) })
		if reason != tc.reason {
			t.Errorf("%q, not %q: %s", reason, tc.reason, tc.text)
		}
	}
}
