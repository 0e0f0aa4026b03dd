package spool_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/kubeanon/kubeanon/internal/collect/spool"
)

// TestInspect: what Inspect says of a spool that is in use is what the spool
// says itself, and it leaves the folder as it is.
func TestInspect(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	same := func(when string) {
		t.Helper()
		info, err := spool.Inspect(dir)
		if want := (spool.Info{Bytes: s.Size(), Waiting: s.Waiting()}); err != nil || info != want {
			t.Errorf("%s: %+v, want %+v: %v", when, info, want, err)
		}
	}
	same("empty")
	appendTo(t, s, "one")
	same("one")
	appendTo(t, s, "two", "three")
	next(t, s, false)
	same("read, but not delivered")
	next(t, s, true)
	same("delivered")
	if s.Waiting() != 0 || s.Size() == 0 {
		t.Errorf("%d of %d wait", s.Waiting(), s.Size())
	}
}

// TestInspectOdd: whatever is in the folder, Inspect ends, and counts segments
// only. A mark that cannot be read means that everything waits.
func TestInspectOdd(t *testing.T) {
	if _, err := spool.Inspect(filepath.Join(t.TempDir(), "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	for name, mark := range map[string]string{"none": "", "half": "1", "text": "x y\n", "negative": "1 -5\n", "huge": "99999999999999999999 1\n", "other segment": "9 0\n"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, text string) {
				t.Helper()
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			write("0000000001.spool", "12345")
			write("0000000002.spool", "678")
			write("1.spool", "no segment")
			write("-000000001.spool", "no segment")
			if err := os.Mkdir(filepath.Join(dir, "0000000003.spool"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("/dev/zero", filepath.Join(dir, "0000000004.spool")); err != nil {
				t.Logf("no link: %v", err)
			}
			if mark != "" {
				write("read", mark)
			}
			info, err := spool.Inspect(dir)
			if want := (spool.Info{Bytes: 8, Waiting: 8}); err != nil || info != want {
				t.Errorf("%+v, want %+v: %v", info, want, err)
			}
			write("read", "1 3\n")
			info, err = spool.Inspect(dir)
			if want := (spool.Info{Bytes: 8, Waiting: 5}); err != nil || info != want {
				t.Errorf("%+v, want %+v: %v", info, want, err)
			}
			write("read", "1 300\n")
			info, err = spool.Inspect(dir)
			if want := (spool.Info{Bytes: 8, Waiting: 8}); err != nil || info != want {
				t.Errorf("%+v, want %+v: %v", info, want, err)
			}
		})
	}
}
