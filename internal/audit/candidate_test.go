package audit_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"github.com/kubeanon/kubeanon/internal/audit"
)

func TestCandidate(t *testing.T) {
	yes := func(text string) {
		t.Helper()
		if !audit.Candidate([]byte(text)) {
			t.Errorf("missed: %q", text)
		}
	}
	no := func(text string) {
		t.Helper()
		if audit.Candidate([]byte(text)) {
			t.Errorf("no candidate: %q", text)
		}
	}
	yes("system:anonymous")
	yes("system:unauthenticated")
	yes("y h system:anonymous")
	yes("system:anonymousystem:anonymous")
	yes(`{""username"":""system:anonymous""}`)
	yes(`\"system:unauthenticated\"`)
	yes(`\u0073ystem:anonymous`)
	yes(`system\u003aanonymous`)
	yes(`system\u003Aanonymous`)
	yes(`\\u0073ystem:anonymous`)
	yes(`\\\\u0073ystem:anonymous`)
	yes(`\\\\\\\\u0073ystem:anonymous`)
	yes(`x\"\u007a`)
	no("")
	no(`\`)
	no(`\u00`)
	no(`\u006`)
	no("system:authenticated system:anonymou SYSTEM:ANONYMOUS system:unauthenticate")
	no(`a\u0026b\u003cc\u003ed\u003`)
	no(`\"\"\"`)
}

func TestDull(t *testing.T) {
	f := func(text string, want bool) {
		t.Helper()
		if got := audit.Dull([]byte(text), false); got != want {
			t.Errorf("plain %q: got %v", text, got)
		}
		if got := audit.Dull([]byte(strings.ReplaceAll(text, `"`, `""`)), true); got != want {
			t.Errorf("doubled %q: got %v", text, got)
		}
	}
	f(``, true)
	f(`{}`, true)
	f(`[{"a":"b"}] `+"\r\n", true)
	f(`{"a":"x\"}"}`, true)
	f(`{"a":"x\\"}`, true)
	f(`{"a":"`, false)
	f(`{"a":"}}}}`, false)   // a URI full of braces, cut
	f(`{"a":"x\"}`, false)   // the quote is escaped: still inside the string
	f(`{"a":"x\\\"}`, false) // so it is here
	f(`plain text`, false)   // not JSON: let the parser tell
	f(`{"a":"system:anonymous"}`, false)
	f(`{"a":"\u0073"}`, false)
	f(`{"log":"{\"a\":\"b\"}\n","x":"y"}`, true)
	f(`{"log":"{\"a\":\"b\\\"\"}"}`, true)
	f(`{"log":"{\"a\":\"b","x":"y"}`, false)   // the object in the string is cut
	f(`{"log":"{\"a\":\"}}}","x":"y"}`, false) // so it is here, in a URI full of braces
	f(`{"log":"{\"a\":\"b\\\"}","x":"y"}`, false)
	f(`{"event":"{\"log\":\"{\\\"a\\\":1}\"}"}`, false) // two deep: let the parser tell
	f(`{"data":"eyJhIjoxfQ=="}`, true)                  // too short for an event
	for _, packed := range packedEvents(t) {
		f(`{"data":"`+packed+`"}`, false)
		f(`{"a":["x","`+packed+`"]}`, false)
		f(`{"log":"2026-11-20T10:00:00Z stdout F `+packed+`\n"}`, false)
		f(`{"log":"\n`+packed+`"}`, false)
		f(`{"data":"`+strings.ReplaceAll(packed, "/", `\/`)+`"}`, false)
		f(packed+"\n{}", false)
	}
	f(`{"id":"`+strings.Repeat("3f9a0c", 20)+`"}`, true)
	f(`{"path":"/`+strings.Repeat("apis/v1-", 20)+`"}`, true)
	f("\x1f\x8b{}", false)
}

func TestEnd(t *testing.T) {
	f := func(text string, n int, closed bool) {
		t.Helper()
		if gotN, got := audit.End([]byte(text)); gotN != n || got != closed {
			t.Errorf("%q: got %d, %v; want %d, %v", text, gotN, got, n, closed)
		}
	}
	f(`{}`, 2, true)
	f(`{} {}`, 2, true)
	f(`[{"a":"]\"}"}],x`, 14, true)
	f(`{"a":"\\"}`, 10, true)
	f(`{"a":"\\\"}`, 11, false)
	f(`{"a":{}`, 7, false)
	f(``, 0, false)
}

func BenchmarkCandidate(b *testing.B) {
	text := []byte(strings.Repeat(strings.ReplaceAll(strings.ReplaceAll(plain, "anonymous", "node:worker"), "unauthenticated", "nodes"), 1000))
	b.Run("dull", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if !audit.Dull(text, false) {
				b.Fatal("not dull")
			}
		}
	})
	// The peer: what strings.Contains of the standard library takes.
	b.Run("contains", func(b *testing.B) {
		s := string(text)
		b.SetBytes(int64(len(s)))
		b.ReportAllocs()
		for b.Loop() {
			if strings.Contains(s, audit.Anonymous) || strings.Contains(s, audit.Unauthenticated) || strings.Contains(s, `\u007`) {
				b.Fatal("found")
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	var d audit.Decoder
	text := []byte(plain)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.Decode(text); err != nil {
			b.Fatal(err)
		}
	}
}

// packedEvents is the shortest event that names anonymous, packed in ways that
// show no name.
func packedEvents(t *testing.T) (all []string) {
	t.Helper()
	const event = `{"apiVersion":"audit.k8s.io/","user":"system:anonymous"}`
	var zipped, deflated bytes.Buffer
	g, z := gzip.NewWriter(&zipped), zlib.NewWriter(&deflated)
	for _, w := range []io.WriteCloser{g, z} {
		if _, err := w.Write([]byte(event)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, data := range [][]byte{[]byte(event), []byte("\n " + event), []byte("[" + event + "]"), zipped.Bytes(), deflated.Bytes()} {
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding} {
			once := encoding.EncodeToString(data)
			all = append(all, once, encoding.EncodeToString([]byte(once)))
		}
	}
	return all
}
