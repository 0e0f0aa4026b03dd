package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/kubeanon/kubeanon/internal/options"
	"github.com/kubeanon/kubeanon/internal/splunk/search"
)

// TestExitCode: every kind of error has its exit code, of several the highest,
// and each line of the text has the name of the program once.
func TestExitCode(t *testing.T) {
	plain := errors.New("plain")
	unread := unreadableError{errors.New("a.log: gone")}
	full := &fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}
	pipe := &fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.EPIPE}
	for _, tc := range []struct {
		name string
		err  error
		code int
		text string
	}{
		{"nothing", nil, 0, ""},
		{"found", errFound, 1, ""},
		{"found, with a text", foundError("1 check failed"), 1, "kubeanon: 1 check failed\n"},
		{"splunkd has it", toldError{plain}, 1, ""},
		{"refused", fmt.Errorf("x: %w", &search.RefusedError{Err: plain}), 1, ""},
		{"usage", usageError("no"), 2, "kubeanon: no\n"},
		{"option", &options.Error{Option: "match", Value: "x", Allowed: "any"}, 2, "kubeanon: match=\"x\" is not valid; allowed: any\n"},
		{"unreadable", fmt.Errorf("x: %w", unread), 3, "kubeanon: x: a.log: gone\n"},
		{"unreadable, of anything", unreadableError{full}, 3, "kubeanon: write /dev/stdout: no space left on device\n"},
		{"full", fmt.Errorf("write: %w", full), 4, "kubeanon: write: write /dev/stdout: no space left on device\n"},
		{"unknown", plain, 4, "kubeanon: plain\n"},
		{"the reader went away", fmt.Errorf("write: %w", pipe), 0, ""},
		{"a connection broke", &net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.EPIPE)}, 4, "kubeanon: write: write: broken pipe\n"},
		{"4 over 3", errors.Join(unread, full), 4, "kubeanon: a.log: gone\nkubeanon: write /dev/stdout: no space left on device\n"},
		{"3 over 1", errors.Join(foundError("x"), unread), 3, "kubeanon: x\nkubeanon: a.log: gone\n"},
		{"3 over a reader that went away", errors.Join(unread, pipe), 3, "kubeanon: a.log: gone\nkubeanon: write /dev/stdout: broken pipe\n"},
		{"controls", errors.New("a\x1b[2J\tb"), 4, "kubeanon: a[2J b\n"},
	} {
		var out bytes.Buffer
		if code := exitCode(tc.err, &out); code != tc.code || tc.name != "controls" && out.String() != tc.text || bytes.ContainsRune(out.Bytes(), '\x1b') {
			t.Errorf("%s: %d %q, want %d %q", tc.name, code, &out, tc.code, tc.text)
		}
	}
}

// TestPrefix: the name of the program is put before a text in one place, so no
// other text begins with it.
func TestPrefix(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range append(files, "../options/options.go", "../report/report.go") {
		if name == "exit.go" || strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			if strings.Contains(line, `"kubeanon: `) {
				t.Errorf("%s:%d: %s", name, i+1, line)
			}
		}
	}
}
