package modinput_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
)

// TestLogClean: what a server or a client wrote steers no terminal, breaks no line
// and turns no direction.
func TestLogClean(t *testing.T) {
	var out bytes.Buffer
	modinput.NewLog(&out).Warn("a server says %s", "x\x1b[2J\x9b31m\u009b31m\u202egnp\u2028line\nline\r\x00\x7f\xff\u200b")
	got := strings.TrimSuffix(out.String(), "\n")
	if strings.ContainsAny(got, "\x1b\u009b\u202e\u2028\n\r\x00\x7f\u200b") || !strings.HasPrefix(got, "WARN kubeanon: a server says x") {
		t.Errorf("%q", got)
	}
}
