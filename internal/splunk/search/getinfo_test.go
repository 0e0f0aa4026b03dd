package search

import (
	"fmt"
	"strings"
	"testing"
)

// TestSessionKey: nothing of the command can log or send what was never read.
func TestSessionKey(t *testing.T) {
	r, err := parseRequest([]byte(`{"action":"getinfo","session_key":"s3cret","searchinfo":{"sid":"1","session_key":"s3cret","Session_Key":"s3cret","splunkd_uri":"https://127.0.0.1:8089"}}`))
	if err != nil || r.Searchinfo.SID != "1" {
		t.Fatal(r, err)
	}
	if text := fmt.Sprintf("%+v", r); strings.Contains(text, "s3cret") {
		t.Errorf("the session key is kept: %s", text)
	}
}
