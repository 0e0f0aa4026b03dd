package replay

import (
	"strings"
	"testing"
)

// TestIdentity: two events are one only if every byte is the same, whatever
// audit ID their clients chose.
func TestIdentity(t *testing.T) {
	seen := map[string]string{}
	for _, text := range []string{
		`{"auditID":"a","stage":"ResponseComplete","verb":"get"}`, `{"auditID":"a","stage":"ResponseComplete","verb":"list"}`,
		`{"auditID":"a","stage":"Panic","verb":"get"}`, `{"auditID":"a/ResponseComplete","verb":"get"}`, `{"verb":"get"}`, `{"verb":"list"}`, `no JSON`,
		`{"auditID":"` + strings.Repeat("x", 10_000) + `"}`, `{"auditID":"` + strings.Repeat("x", 10_000) + `" }`,
	} {
		id := identity([]byte(text))
		if before, ok := seen[id]; ok || id != identity([]byte(text)) || len(id) > 200 {
			t.Errorf("%.80s has the identity %.80s, as %.80s", text, id, before)
		}
		seen[id] = text
	}
}
