package cli_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestServeExit: a port that is taken is not a mistake on the command line.
func TestServeExit(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("t\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args  []string
		usage bool
	}{
		"listen":       {[]string{"--listen", "http://" + taken + "/audit"}, false},
		"metrics":      {[]string{"--listen", "http://127.0.0.1:0/audit", "--metrics", taken}, false},
		"bad spool":    {[]string{"--listen", "http://127.0.0.1:0/audit", "--spool-mb", "0"}, true},
		"open to all":  {[]string{"--listen", "http://0.0.0.0:0/audit"}, true},
		"no such cert": {[]string{"--listen", "https://127.0.0.1:0/audit", "--cert", "no.pem", "--key", "no.key"}, true},
		"filter":       {[]string{"--listen", "http://127.0.0.1:0/audit", "--filter", "userAgent=x"}, true},
	} {
		cmd := kubeanon(t, append([]string{"serve", "--hec", "http://127.0.0.1:9", "--hec-token-file", token, "--spool", "spool"}, tc.args...)...)
		out, err := cmd.CombinedOutput()
		code := cmd.ProcessState.ExitCode()
		if err == nil || (code == 2) != tc.usage {
			t.Errorf("%s: exit %d: %s", name, code, out)
		}
		if !tc.usage && !strings.Contains(string(out), "address already in use") {
			t.Errorf("%s: %s", name, out)
		}
	}
}
