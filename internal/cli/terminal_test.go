package cli_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTerminal: what a server answers, or a file is called, does not steer the
// terminal of whoever reads the error.
func TestTerminal(t *testing.T) {
	const evil = `\u001b]0;owned\u0007\u001b[2J\u202e\u009b31m`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"text":"taken ` + evil + `","code":4,"messages":[{"type":"FATAL","text":"taken ` + evil + `"}],"code":"x","message":"taken ` + evil + `"}`))
	}))
	defer server.Close()
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.log"), []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"hunt", "--splunk", server.URL, "--token-file", token},
		{"hunt", "--url", server.URL, "--tenant", "t", "--token-file", token, "--query", "x"},
		{"replay", "--to", "hec", "--url", server.URL, "--token-file", token, filepath.Join(dir, "a.log")},
		{"replay", "--to", "scs", "--url", server.URL, "--tenant", "t", "--token-file", token, filepath.Join(dir, "a.log")},
		{"scan", "taken\x1b[2J\u202e.log"},
		{"taken\x1b[2J"},
	} {
		cmd := kubeanon(t, args...)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err == nil {
			t.Errorf("%q: no error", args)
		}
		text := out.String()
		if !strings.Contains(text, "taken") {
			t.Errorf("%q does not say what was wrong: %q", args, text)
		}
		if bad := regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f\u0080-\u009f\u202e]").FindString(text); bad != "" {
			t.Errorf("%q prints %q: %q", args, bad, text)
		}
	}
}
