package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// occurrences reads every user of an event with encoding/json: all keys of the
// object that fold to "user", and in them all that fold to "username" and
// "groups". It reports whether any names anonymous.
func occurrences(text []byte) (anonymous bool) {
	each := func(text []byte, key string, f func(json.RawMessage)) {
		dec := json.NewDecoder(bytes.NewReader(text))
		if tok, err := dec.Token(); err != nil || tok != json.Delim('{') {
			return
		}
		for dec.More() {
			name, err := dec.Token()
			if err != nil {
				return
			}
			var value json.RawMessage
			if dec.Decode(&value) != nil {
				return
			}
			if strings.EqualFold(name.(string), key) {
				f(value)
			}
		}
	}
	each(text, "user", func(user json.RawMessage) {
		each(user, "username", func(v json.RawMessage) {
			var s string
			if json.Unmarshal(v, &s) == nil && s == audit.Anonymous {
				anonymous = true
			}
		})
		each(user, "groups", func(v json.RawMessage) {
			var list []any
			var one string
			if json.Unmarshal(v, &list) == nil && slices.Contains(list, any(audit.Unauthenticated)) || json.Unmarshal(v, &one) == nil && one == audit.Unauthenticated {
				anonymous = true
			}
		})
	})
	return anonymous
}

// FuzzDecode holds the decoder against encoding/json: of every text that this
// calls valid JSON, an event that names anonymous in any user is reported, and
// no other. A text that it calls invalid may still be reported (what was read
// before the fault counts), never as a whole event unless json-iterator is the
// laxer of the two.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(plain))
	f.Fuzz(func(t *testing.T, text []byte) {
		var d audit.Decoder
		ev, err := d.Decode(text)
		if !json.Valid(text) {
			return
		}
		if err != nil {
			// Not an event then: but only for want of its marks.
			var marks struct {
				Kind, APIVersion string
			}
			if !errors.Is(err, audit.ErrCut) && json.Unmarshal(text, &marks) == nil && marks.APIVersion == "audit.k8s.io/v1" && marks.Kind == "Event" {
				t.Fatalf("refused a valid event: %v", err)
			}
			return
		}
		if ev.Partial && !bytes.ContainsAny(text, "\\") && !stringHoldsJSON.Match(text) {
			t.Fatal("valid JSON is never partial, but for JSON in its strings")
		}
		// The decoder reads more forms than the oracle knows: see TestForms.
		name, group := ev.User.Anonymous()
		if occurrences(text) && !name && !group {
			t.Fatal("the event is anonymous, and was not read as such")
		}
		if (name || group) && !audit.Candidate(text) {
			t.Fatal("the candidate search would have passed it over")
		}
		if audit.Dull(text, false) && (name || group) {
			t.Fatal("dull, but anonymous")
		}
	})
}

// stringHoldsJSON finds strings that begin as an object or a list does.
var stringHoldsJSON = regexp.MustCompile(`"[ \t]*[{\[]`)

// FuzzDull holds the quick look against a walk of the whole text: what is
// called dull ends as a closed value and spells no name in any way.
func FuzzDull(f *testing.F) {
	f.Add([]byte(`{"a":"b\"}"}`))
	f.Add([]byte(`{"user":{"username":"\u0073ystem:anonymous"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		doubled := bytes.ReplaceAll(text, []byte(`"`), []byte(`""`))
		if a, b := audit.Dull(text, false), audit.Dull(doubled, true); a != b {
			t.Fatalf("plain %v, doubled %v", a, b)
		}
		if !json.Valid(text) || len(text) == 0 {
			return
		}
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		var s any
		if err := dec.Decode(&s); err != nil {
			t.Fatal(err)
		}
		respelled, _ := json.Marshal(s) // all escapes resolved
		named := bytes.Contains(respelled, []byte(audit.Anonymous)) || bytes.Contains(respelled, []byte(audit.Unauthenticated))
		if named && audit.Dull(text, false) {
			t.Fatal("dull, but a name is in it")
		}
	})
}

// FuzzCandidate holds the vectors against the plain search, at every place of a
// text, and both against a look at each place.
func FuzzCandidate(f *testing.F) {
	f.Add([]byte(`{"user":{"username":"system:anonymous"}}`), uint16(40))
	f.Add([]byte(`\u0061`), uint16(3))
	f.Add([]byte(`system:unauthenticated`), uint16(16380))
	f.Fuzz(func(t *testing.T, text []byte, pad uint16) {
		padded := append(bytes.Repeat([]byte{':'}, int(pad)), text...)
		padded = append(padded, bytes.Repeat([]byte{'n'}, int(pad)%43)...)
		want := len(padded)
		if at := wanted.FindIndex(padded); at != nil {
			want = at[0]
		}
		if got := audit.Next(padded); got != want {
			t.Fatalf("vectors %d, want %d: %q", got, want, padded)
		}
		if got := audit.PlainNext(padded); got != want {
			t.Fatalf("plain %d, want %d: %q", got, want, padded)
		}
	})
}

var wanted = regexp.MustCompile(`(?s)system:anonymous|system:unauthenticated|\\u00(?:[67].|3[aA])`)
