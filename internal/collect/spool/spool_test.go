package spool_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/kubeanon/kubeanon/internal/collect/spool"
)

// No goroutine outlives its test.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, dir string, max int64) *spool.Spool {
	t.Helper()
	return openLogged(t, dir, max, t.Logf)
}

// openLogged opens a spool that reports damage to warn.
func openLogged(t *testing.T, dir string, max int64, warn func(string, ...any)) *spool.Spool {
	t.Helper()
	s, err := spool.Open(dir, max, warn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Release() })
	return s
}

// warnings collects what is reported.
type warnings []string

func (w *warnings) add(format string, args ...any) { *w = append(*w, fmt.Sprintf(format, args...)) }

func appendTo(t *testing.T, s *spool.Spool, records ...string) {
	t.Helper()
	var list [][]byte
	for _, r := range records {
		list = append(list, []byte(r))
	}
	if err := s.Append(list); err != nil {
		t.Fatal(err)
	}
}

// next is the next batch; it is noted as out if done is set.
func next(t *testing.T, s *spool.Spool, done bool) (records []string) {
	t.Helper()
	list, ack, err := s.Next()
	if err == io.EOF {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		records = append(records, string(r))
	}
	if done {
		ack()
	}
	return records
}

// What waits is what is not out, of the segment on the disk too, and over a restart.
func TestWaiting(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	waits := func(want int64) {
		t.Helper()
		if got := s.Waiting(); got != want {
			t.Errorf("%d bytes wait, not %d", got, want)
		}
	}
	waits(0)
	appendTo(t, s, "one")
	one := s.Size()
	waits(one)
	appendTo(t, s, "two", "three")
	all := s.Size()
	next(t, s, true)
	waits(all - one)
	if s.Size() != all {
		t.Errorf("the segment is gone before it is out: %d", s.Size())
	}
	if err := s.Release(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, 1<<20)
	waits(all - one)
	next(t, s, true)
	waits(0)
	appendTo(t, s, "four")
	waits(8 + 4 + 4)
	next(t, s, true)
	waits(0)
}

func TestRestart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	appendTo(t, s, "a", "", "b")
	appendTo(t, s, "c")
	appendTo(t, s, "d")
	if diff := cmp.Diff([]string{"a", "", "b"}, next(t, s, true)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"c"}, next(t, s, false)); diff != "" {
		t.Error(diff)
	}
	_ = s.Release() // c was read, but is not delivered
	s = open(t, dir, 1<<20)
	appendTo(t, s, "e")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for batch := next(t, s, true); batch != nil; batch = next(t, s, true) {
		got = append(got, batch...)
	}
	if diff := cmp.Diff([]string{"c", "d", "e"}, got); diff != "" {
		t.Error(diff)
	}
	if err := s.Append([][]byte{[]byte("x")}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("%v", err)
	}
}

// TestCut: a segment that a crash cut at any byte gives its whole batches.
func TestCut(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	var ends []int64
	for i := range 3 {
		appendTo(t, s, fmt.Sprintf("record %d", i), "more")
		ends = append(ends, s.Size())
	}
	whole, err := os.ReadFile(filepath.Join(dir, "0000000001.spool"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) + 1 {
		cut := t.TempDir()
		if err := os.WriteFile(filepath.Join(cut, "0000000001.spool"), whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		s := open(t, cut, 1<<20)
		appendTo(t, s, "after")
		s.Close()
		want := 1
		for _, end := range ends {
			if int64(n) >= end {
				want++
			}
		}
		got, last := 0, ""
		for batch := next(t, s, true); batch != nil; batch = next(t, s, true) {
			got++
			last = batch[0]
		}
		if got != want || last != "after" {
			t.Fatalf("cut at %d: %d batches, want %d; the last is %q", n, got, want, last)
		}
	}
}

// TestDamage: a flipped byte costs its batch and no other, is told, and does not
// disturb the segment that is being written.
func TestDamage(t *testing.T) {
	for _, live := range []bool{false, true} {
		for damaged := range 3 {
			dir := t.TempDir()
			var told warnings
			s := openLogged(t, dir, 1<<20, told.add)
			var ends []int64
			for _, record := range []string{"a", "b", "c"} {
				appendTo(t, s, record)
				ends = append(ends, s.Size())
			}
			if !live {
				_ = s.Release()
				s = openLogged(t, dir, 1<<20, told.add) // another segment
			}
			flip(t, filepath.Join(dir, "0000000001.spool"), ends[damaged]-1)
			appendTo(t, s, "after")
			s.Close()
			var want, got []string
			for i, record := range []string{"a", "b", "c"} {
				if i != damaged {
					want = append(want, record)
				}
			}
			for batch := next(t, s, true); batch != nil; batch = next(t, s, true) {
				got = append(got, batch...)
			}
			if diff := cmp.Diff(append(want, "after"), got); diff != "" {
				t.Errorf("live %v, batch %d: %s", live, damaged, diff)
			}
			if len(told) != 1 || !strings.Contains(told[0], "damaged") {
				t.Errorf("live %v, batch %d: told %q", live, damaged, told)
			}
		}
	}
}

// flip changes a byte of a file.
func flip(t *testing.T, path string, at int64) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[at] ^= 1
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestUnreadable: what cannot be read is neither passed over nor removed, and the
// length of a batch that is being kept is not believed when it is damaged.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "0000000001.spool")
	s := open(t, dir, 1<<20)
	appendTo(t, s, "a")
	if err := errors.Join(os.Remove(path), os.Mkdir(path, 0o700)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, _, err := s.Next(); err == nil || !strings.Contains(err.Error(), "move the file away") {
			t.Errorf("%v", err)
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
	s.Close()

	dir = t.TempDir()
	s = open(t, dir, 1<<20)
	appendTo(t, s, "a")
	flip(t, filepath.Join(dir, "0000000001.spool"), 0) // the length
	if _, _, err := s.Next(); err == nil || !strings.Contains(err.Error(), "byte 0: no batch") {
		t.Errorf("%v", err)
	}
	s.Close()
}

func TestFull(t *testing.T) {
	s := open(t, t.TempDir(), 100)
	appendTo(t, s, strings.Repeat("a", 60))
	if err := s.Append([][]byte{[]byte(strings.Repeat("b", 60))}); !errors.Is(err, spool.ErrFull) {
		t.Errorf("%v", err)
	}
	appendTo(t, s, "c")
}

// TestFullAgain: a spool that is smaller than a segment takes many times its
// size, if it is read meanwhile.
func TestFullAgain(t *testing.T) {
	s := open(t, t.TempDir(), 1000)
	read, ended := make(chan int), make(chan int)
	go func() {
		defer close(ended)
		for batch := next(t, s, true); batch != nil; batch = next(t, s, true) {
			read <- len(batch)
		}
	}()
	const n = 50
	for i := range n {
		for try := 0; ; try++ {
			err := s.Append([][]byte{fmt.Appendf(nil, "%0300d", i)})
			if err == nil {
				break
			}
			if !errors.Is(err, spool.ErrFull) || try == 1_000_000 {
				t.Fatalf("batch %d: %v", i, err)
			}
			runtime.Gosched()
		}
		<-read
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	<-ended
}

// TestZeros: what a crash leaves of a file that was made longer, but not yet
// written, is no batch.
func TestZeros(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 1<<20)
	appendTo(t, s, "a")
	_ = s.Release()
	path := filepath.Join(dir, "0000000001.spool")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()+4096); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, 1<<20)
	appendTo(t, s, "b")
	s.Close()
	var got [][]string
	for records, _, err := s.Next(); err == nil; records, _, err = s.Next() {
		var batch []string
		for _, r := range records {
			batch = append(batch, string(r))
		}
		got = append(got, batch)
	}
	if diff := cmp.Diff([][]string{{"a"}, {"b"}}, got); diff != "" {
		t.Error(diff)
	}
}

// TestRemoved: if somebody removes the segments to make room, what comes later
// is not taken for what was read before.
func TestRemoved(t *testing.T) {
	dir := t.TempDir()
	for range 3 { // a start is a segment
		s := open(t, dir, 1<<20)
		appendTo(t, s, "old")
		next(t, s, true)
		_ = s.Release()
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.spool"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, dir, 1<<20)
	appendTo(t, s, "new")
	s.Close()
	if diff := cmp.Diff([]string{"new"}, next(t, s, true)); diff != "" {
		t.Error(diff)
	}
}

// TestAck: that the note of what is out cannot be written ends nothing, and what
// is out makes room.
func TestAck(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "read.new", "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, 100)
	for i := range 10 {
		want := fmt.Sprintf("%060d", i)
		if err := s.Append([][]byte{[]byte(want)}); errors.Is(err, spool.ErrFull) {
			go s.Close() // Next sees that the segment is over, and then that there is no other
			if got := next(t, s, true); got != nil {
				t.Fatalf("%q", got)
			}
			if s.Size() != 0 {
				t.Errorf("%d bytes are still there", s.Size())
			}
			return
		} else if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{want}, next(t, s, true)); diff != "" {
			t.Error(diff)
		}
	}
	t.Error("never full")
}

// TestRoom: what is out makes room, segment by segment, and writers and the
// reader go on beside each other.
func TestRoom(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, 64<<20)
	const writers, each = 4, 30
	record := strings.Repeat("x", 1<<20)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				for {
					err := s.Append([][]byte{fmt.Appendf(nil, "%d-%d-%s", w, i, record)})
					if err == nil {
						break
					}
					if !errors.Is(err, spool.ErrFull) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	go func() {
		wg.Wait()
		s.Close()
	}()
	seen := map[string]int{}
	for batch := next(t, s, true); batch != nil; batch = next(t, s, true) {
		seen[batch[0][:len(batch[0])-len(record)]]++
	}
	for name, n := range seen {
		if n != 1 {
			t.Errorf("%d times %s", n, name)
		}
	}
	if len(seen) != writers*each || s.Size() > 20<<20 {
		t.Errorf("%d batches, %d bytes left", len(seen), s.Size())
	}
}
