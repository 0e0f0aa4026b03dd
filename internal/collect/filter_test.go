package collect

import (
	"testing"
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
