package audit_test

import (
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
	f(`{"data":"eyJhIjoxfQ=="}`, false)
	f(`{"data":"H4sIAAAA"}`, false)
	f(`{"data":"xeyJhIjoxfQ=="}`, true)
	f("eyJhIjoxfQ==\n{}", false)
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
