package spool_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeanon/kubeanon/internal/collect/spool"
)

// frame is a frame of a segment around a payload, as the package comment defines
// it, with a checksum that is right.
func frame(payload string) string {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload)))
	head = binary.BigEndian.AppendUint32(head, crc32.Checksum([]byte(payload), crc32.MakeTable(crc32.Castagnoli)))
	return string(head) + payload
}

// record is a record of a frame.
func record(text string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(len(text)))) + text
}

// rest is all that a closed spool still gives.
func rest(t *testing.T, s *spool.Spool) (batches []string) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for batch := next(t, s, true); batch != nil; batch = next(t, s, true) {
		batches = append(batches, strings.Join(batch, " "))
	}
	return batches
}

// TestLocked: a spool is open once, in this process and in any other, and can be
// opened again when it was released or is empty.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	_, err := spool.Open(dir, 1<<20, t.Logf)
	if !errors.Is(err, spool.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("%v", err)
	}
	if err := s.Release(); err != nil {
		t.Error(err)
	}
	s = open(t, dir, 1<<20)
	if got := rest(t, s); got != nil {
		t.Errorf("%q", got)
	}
	open(t, dir, 1<<20)
}

// TestOddFrames: a frame without a record, or one whose checksum is right and
// whose records are not, costs no batch beside it, and is reported.
func TestOddFrames(t *testing.T) {
	for name, odd := range map[string]string{
		"empty": frame(""), "empty twice": frame("") + frame(""), "no record": frame("abc"), "record too long": frame("\xff\xff\xff\xffabc"),
		"half a record behind a whole one": frame(record("x") + "\x00\x00"), "no checksum": "\x00\x00\x00\x00\x01\x02\x03\x04",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			text := frame(record("a")) + odd + frame(record("b"))
			if err := os.WriteFile(filepath.Join(dir, "0000000001.spool"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			var told warnings
			if diff := cmp.Diff([]string{"a", "b"}, rest(t, openLogged(t, dir, 1<<20, told.add))); diff != "" {
				t.Error(diff)
			}
			if len(told) != 1 || !strings.Contains(told[0], "damaged") {
				t.Errorf("reported %q", told)
			}
		})
	}
}

// TestNoRecords: an empty batch is not a frame that hides those after it.
func TestNoRecords(t *testing.T) {
	s := open(t, t.TempDir(), 1<<20)
	appendTo(t, s)
	appendTo(t, s, "a")
	if diff := cmp.Diff([]string{"a"}, rest(t, s)); diff != "" {
		t.Error(diff)
	}
}

// TestMark: a mark that cannot be true costs no batch, and is reported. One that
// is a link is not followed.
func TestMark(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "mark")
	if err := os.WriteFile(outside, []byte("2 13\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mark, want := range map[string]struct {
		batches  string
		reported bool
	}{
		"1 13\n":      {"b c", false},
		"1 26\n":      {"c", false},
		"9 0\n":       {"a b c", true}, // above all segments
		"2 13\n":      {"a b c", true}, // the first segment was not delivered
		"1 14\n":      {"a b c", true}, // in a batch
		"1 9999999\n": {"a b c", true}, // beyond the end
		"1 -1\n":      {"a b c", true},
		"9223372036854775807 9223372036854775807\n": {"a b c", true},
		"1":     {"a b c", true}, // half
		"link":  {"a b c", true},
		"0 0\n": {"a b c", false},
	} {
		t.Run(strings.TrimSpace(mark), func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{"0000000001.spool": frame(record("a")) + frame(record("b")), "0000000002.spool": frame(record("c")), "read": mark} {
				if name == "read" && mark == "link" {
					if err := os.Symlink(outside, filepath.Join(dir, name)); err != nil {
						t.Skip(err)
					}
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var told warnings
			got := strings.Join(rest(t, openLogged(t, dir, 1<<20, told.add)), " ")
			if got != want.batches || (len(told) > 0) != want.reported {
				t.Errorf("%q, want %q; reported %q", got, want.batches, told)
			}
		})
	}
	if text, err := os.ReadFile(outside); err != nil || string(text) != "2 13\n" {
		t.Errorf("the file of the link: %q %v", text, err)
	}
}

// TestPlanted: what is named as a file of the spool, and is something else, is
// neither read, nor written, nor waited for, and hides no batch.
func TestPlanted(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(frame(record("secret"))), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, plant := range planted {
		for _, file := range []string{"0000000001.spool", "0000000002.spool", "0000000009.spool", "x.spool", "99999999999999999999.spool", "9007199254740993.spool", "read.new"} {
			t.Run(name+" "+file, func(t *testing.T) {
				dir := t.TempDir()
				s := open(t, dir, 1<<20)
				appendTo(t, s, "a")
				if err := s.Release(); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, file)
				if file == "0000000001.spool" {
					if err := os.Rename(path, filepath.Join(dir, "0000000005.spool")); err != nil {
						t.Fatal(err)
					}
				}
				if err := plant(path, secret); err != nil {
					t.Skip(err)
				}
				var told warnings
				s = openLogged(t, dir, 1<<20, told.add)
				appendTo(t, s, "b")
				if diff := cmp.Diff([]string{"a", "b"}, rest(t, s)); diff != "" {
					t.Error(diff)
				}
				if len(told) == 0 && file != "read.new" {
					t.Error("nothing was reported")
				}
				if _, err := os.Lstat(path); err != nil && file != "read.new" {
					t.Errorf("it was removed: %v", err)
				}
			})
		}
	}
	if text, err := os.ReadFile(secret); err != nil || string(text) != frame(record("secret")) {
		t.Errorf("the file of the link: %q %v", text, err)
	}
}

// planted is what may be in the place of a file.
var planted = map[string]func(path, secret string) error{
	"link":   func(path, secret string) error { return os.Symlink(secret, path) },
	"device": func(path, _ string) error { return os.Symlink(os.DevNull, path) },
	"folder": func(path, _ string) error { return os.Mkdir(path, 0o700) },
}

// TestBegun: a file that somebody put in the place of the next segment does not
// keep batches from being accepted.
func TestBegun(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	if err := os.WriteFile(filepath.Join(dir, "0000000001.spool"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	appendTo(t, s, "a")
	if diff := cmp.Diff([]string{"a"}, rest(t, s)); diff != "" {
		t.Error(diff)
	}
}

// TestLateDelivery: a segment stays until its batches are delivered, even if the
// next one was read.
func TestLateDelivery(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	appendTo(t, s, "a")
	if err := s.Release(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, 1<<20)
	appendTo(t, s, "b")
	next(t, s, false)
	next(t, s, false) // of the second segment
	if err := s.Release(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, rest(t, open(t, dir, 1<<20))); diff != "" {
		t.Error(diff)
	}
}

// FuzzSegment: whatever is in a segment and in the mark, a spool ends, gives no
// batch without a record, and loses none that is written afterwards.
func FuzzSegment(f *testing.F) {
	f.Add([]byte(frame(record("a")+record(""))+frame(record("b"))), []byte("1 17\n"))
	f.Add([]byte(frame("")+frame(record("b"))), []byte(""))
	f.Add([]byte(frame("abc")+strings.Repeat("\x00", 40)), []byte("9 0\n"))
	f.Add([]byte("\x10\x00\x00\x00aaaa"), []byte("1 -8\n"))
	f.Fuzz(func(t *testing.T, segment, mark []byte) {
		dir := t.TempDir()
		whole := frame(record("whole"))
		for name, text := range map[string]string{"0000000001.spool": whole + string(segment), "read": string(mark)} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := spool.Open(dir, 1<<30, func(string, ...any) {})
		if err != nil {
			t.Fatal(err)
		}
		appendTo(t, s, "after")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		var batches [][][]byte
		for {
			records, done, err := s.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(records) == 0 {
				t.Fatal("a batch without a record")
			}
			batches = append(batches, records)
			done()
		}
		if last := batches[len(batches)-1]; string(last[0]) != "after" {
			t.Errorf("the last batch is %q", last)
		}
	})
}
