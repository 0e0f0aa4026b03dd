package tail_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/kubeanon/kubeanon/internal/collect/tail"
)

// No goroutine outlives its test, but lumberjack's, which never ends its own.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("gopkg.in/natefinch/lumberjack%2ev2.(*Logger).millRun"))
}

// collector runs a Tail and counts which lines came out. It can be killed at
// any moment: then it begins again with the state that was saved last.
type collector struct {
	t    *testing.T
	glob string
	end  bool

	mu    sync.Mutex
	seen  map[string]int
	order []string
	saved []byte
	kill  func() bool // asked before the lines are out and again before they are saved
}

var errKilled = errors.New("killed")

func (c *collector) run(ctx context.Context) error {
	state := &tail.State{}
	c.mu.Lock()
	first := c.saved == nil
	if !first {
		if err := json.Unmarshal(c.saved, state); err != nil {
			c.t.Error(err)
		}
	}
	c.mu.Unlock()
	tl := &tail.Tail{
		Glob: c.glob, FromEnd: c.end, Poll: 2 * time.Millisecond, State: state, First: first,
		Out: func(lines []tail.Line) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.kill != nil && c.kill() {
				return errKilled
			}
			for _, l := range lines {
				c.seen[string(l.Text)]++
				c.order = append(c.order, string(l.Text))
			}
			return nil
		},
		Save: func() error {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.kill != nil && c.kill() {
				return errKilled
			}
			var err error
			c.saved, err = json.Marshal(state)
			return err
		},
		Warn: func(format string, args ...any) { c.t.Logf(format, args...) },
	}
	return tl.Run(ctx)
}

func newCollector(t *testing.T, glob string) *collector {
	t.Helper()
	return &collector{t: t, glob: glob, seen: map[string]int{}}
}

func line(i int) string {
	return fmt.Sprintf(`{"auditID":"%08d","pad":"%s"}`, i, strings.Repeat("x", i%200))
}

// follow collects while write writes, and then waits until n lines came out.
func (c *collector) follow(n int, write func()) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		for {
			err := c.run(ctx)
			if !errors.Is(err, errKilled) {
				done <- err
				return
			}
		}
	}()
	write()
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		c.mu.Lock()
		have := len(c.seen)
		c.mu.Unlock()
		if have >= n {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		c.t.Error(err)
	}
	lost, twice := 0, 0
	for i := range n {
		switch c.seen[line(i)] {
		case 0:
			lost++
		case 1:
		default:
			twice++
		}
	}
	for i := range n {
		delete(c.seen, line(i))
	}
	for odd := range c.seen {
		c.t.Errorf("nobody wrote %q", odd)
	}
	c.t.Logf("%d lines, %d lost, %d more than once", n, lost, twice)
	if lost > 0 || c.kill == nil && twice > 0 {
		c.t.Errorf("%d lines: %d lost, %d more than once", n, lost, twice)
	}
}

// lines is how many lines a rotation test writes; more in the long run.
func lines() int {
	if n, err := strconv.Atoi(os.Getenv("KUBEANON_SOAK_LINES")); err == nil {
		return n
	}
	return 20_000
}

// rotating is a log that is rotated with what the API server rotates with.
func rotating(t *testing.T, compress bool) *lumberjack.Logger {
	t.Helper()
	log := &lumberjack.Logger{Filename: filepath.Join(t.TempDir(), "audit.log"), MaxSize: 1, Compress: compress}
	// It packs in a goroutine that nobody can wait for, and t would remove the folder
	// under it.
	t.Cleanup(func() {
		for deadline := time.Now().Add(10 * time.Second); compress && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if left, err := filepath.Glob(strings.TrimSuffix(log.Filename, ".log") + "-*.log"); err != nil || len(left) == 0 {
				return
			}
		}
	})
	return log
}

// TestRotate: through a hundred rotations nothing is lost.
func TestRotate(t *testing.T) {
	for _, compress := range []bool{false, true} {
		t.Run(fmt.Sprintf("gzip %v", compress), func(t *testing.T) {
			log := rotating(t, compress)
			n := lines()
			newCollector(t, log.Filename).follow(n, func() {
				rotate := n / 100
				for i := range n {
					if _, err := io.WriteString(log, line(i)+"\n"); err != nil {
						t.Fatal(err)
					}
					if i%rotate == rotate-1 {
						if err := log.Rotate(); err != nil {
							t.Fatal(err)
						}
						time.Sleep(2 * time.Millisecond) // names are in milliseconds
					}
				}
				log.Close()
			})
		})
	}
}

// TestCopyTruncate copies and truncates as logrotate does. Between the two
// nothing is written here: what is written then is lost by logrotate itself.
func TestCopyTruncate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := lines()
	newCollector(t, path).follow(n, func() {
		rotated := 0
		for i := range n {
			fmt.Fprintln(f, line(i))
			if i%(n/100) == n/100-1 {
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				rotated++
				if err := os.WriteFile(fmt.Sprintf("%s.%d", path, rotated), text, 0o600); err != nil {
					t.Fatal(err)
				}
				if err := f.Truncate(0); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

// TestKilled: whenever the process dies, nothing is lost, and what comes twice
// is at most one batch for each death.
func TestKilled(t *testing.T) {
	log := rotating(t, true)
	n := lines()
	c := newCollector(t, log.Filename)
	random, deaths := rand.New(rand.NewPCG(1, 2)), 0
	c.kill = func() bool {
		if deaths < 50 && random.IntN(5) == 0 {
			deaths++
			return true
		}
		return false
	}
	c.follow(n, func() {
		for i := range n {
			if _, err := io.WriteString(log, line(i)+"\n"); err != nil {
				t.Fatal(err)
			}
			if i%(n/50) == n/50-1 {
				if err := log.Rotate(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Millisecond)
			}
		}
		log.Close()
	})
	t.Logf("%d deaths, %d lines out", deaths, len(c.order))
	if deaths < 20 {
		t.Errorf("only %d deaths", deaths)
	}
}

// TestHalfLine: a line is handed out when it is whole, in order.
func TestHalfLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := newCollector(t, path)
	c.follow(3, func() {
		for i := range 3 {
			text := line(i) + "\n"
			for _, part := range []string{text[:5], text[5:20], text[20:]} {
				_, _ = f.WriteString(part)
				time.Sleep(10 * time.Millisecond)
			}
		}
	})
	if !slices.IsSorted(c.order) {
		t.Errorf("%q", c.order)
	}
}

// TestFromEnd: what was there before the first start is left alone, and nothing
// after it.
func TestFromEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	if err := os.WriteFile(path, []byte("{\"auditID\":\"old\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newCollector(t, path)
	c.end = true
	c.follow(2, func() {
		for c.state() == nil {
			time.Sleep(time.Millisecond)
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		fmt.Fprintf(f, "%s\n%s\n", line(0), line(1))
	})
}

func (c *collector) state() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.saved
}

// TestLastLine: a rotated file that ends without a line break gives its last
// line all the same.
func TestLastLine(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "audit.log.1"), []byte(line(0)+"\n"+line(1)), 0o600); err != nil {
		t.Fatal(err)
	}
	newCollector(t, filepath.Join(dir, "audit.log")).follow(2, func() {})
}

// TestHugeLine: of a line beyond the limit the beginning comes out, and the
// next one is whole.
func TestHugeLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.log")
	huge := strings.Repeat("y", 40<<20)
	if err := os.WriteFile(path, []byte(line(0)+"\n"+huge+"\n"+line(1)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newCollector(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := c.run(ctx); err != nil {
		t.Fatal(err)
	}
	if len(c.order) != 3 || c.order[0] != line(0) || c.order[2] != line(1) || !strings.HasPrefix(huge, c.order[1]) || len(c.order[1]) == 0 {
		t.Errorf("%d lines", len(c.order))
	}
}

// TestClock: what files and the checkpoint say about the time may be wrong, by
// hours or by years, forwards or backwards. No line is lost, none comes twice.
func TestClock(t *testing.T) {
	const years = 100_000 * time.Hour
	for _, tc := range []struct{ step, seen time.Duration }{
		{5 * time.Hour, -5 * time.Hour}, {5 * time.Hour, years}, {-5 * time.Hour, -years}, {-5 * time.Hour, years}, {-years, years},
	} {
		t.Run(fmt.Sprintf("files %s a round, checkpoint %s", tc.step, tc.seen), func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "audit.log")
			c := newCollector(t, log)
			round := 0
			write := func(name string, from, n int) {
				t.Helper()
				f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				for i := range n {
					fmt.Fprintln(f, line(from+i))
				}
				at := time.Now().Add(time.Duration(round) * tc.step)
				if err := os.Chtimes(name, at, at); err != nil {
					t.Fatal(err)
				}
			}
			follow := func(add func()) {
				round++
				c.follow(30*round, add)
				for i := range 30 * round { // follow has taken them out
					c.seen[line(i)] = 1
				}
				var state tail.State
				if err := json.Unmarshal(c.saved, &state); err != nil {
					t.Fatal(err)
				}
				for _, p := range state.Positions {
					p.Seen += int64(tc.seen.Seconds())
				}
				c.saved, _ = json.Marshal(state)
			}
			follow(func() {
				write(log+".2", 0, 10)
				write(log+".1", 10, 10)
				write(log, 20, 10)
			})
			follow(func() {
				write(log, 30, 10)
				if err := os.Rename(log, log+".0"); err != nil {
					t.Fatal(err)
				}
				write(log, 40, 20)
			})
			follow(func() { write(log, 60, 30) })
		})
	}
}

// TestMonths: the position of a rotated file is kept as long as the file is
// there, however long that was read to its end.
func TestMonths(t *testing.T) {
	log := filepath.Join(t.TempDir(), "audit.log")
	for i, name := range []string{log + ".1", log} {
		if err := os.WriteFile(name, []byte(line(i)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		state, out := &tail.State{}, 0
		time.AfterFunc(40*24*time.Hour, func() {
			f, err := os.OpenFile(log, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			fmt.Fprintln(f, line(2))
		})
		for range 2 {
			ctx, cancel := context.WithTimeout(t.Context(), 70*24*time.Hour)
			defer cancel()
			tl := &tail.Tail{
				Glob: log, Poll: time.Hour, State: state, Warn: t.Logf,
				Out:  func(lines []tail.Line) error { out += len(lines); return nil },
				Save: func() error { return nil },
			}
			if err := tl.Run(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if out != 3 {
			t.Errorf("3 lines came out as %d", out)
		}
	})
}

// TestBrokenGzip: of a packed file that is cut or damaged the lines before are
// collected; it is told once, and read again only when it changes.
func TestBrokenGzip(t *testing.T) {
	var whole bytes.Buffer
	w := gzip.NewWriter(&whole)
	var lines []string
	for i := range 20_000 {
		lines = append(lines, line(i))
		fmt.Fprintln(w, lines[i])
	}
	w.Close()
	damaged := bytes.Clone(whole.Bytes())
	damaged[len(damaged)-8] ^= 0xff // the checksum
	for name, c := range map[string]struct {
		text        []byte
		least, most int // lines that are in it
		told        int
	}{
		"cut": {whole.Bytes()[:whole.Len()/2], 1, len(lines) - 1, 1}, "damaged": {damaged, len(lines), len(lines), 1},
		"head": {whole.Bytes()[:5], 0, 0, 1}, "empty": {emptyGzip(), 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "audit-1.log.gz")
			synctest.Test(t, func(t *testing.T) {
				old := time.Now().Add(-time.Hour)
				put := func(text []byte) {
					old = old.Add(time.Minute)
					if err := errors.Join(os.WriteFile(path, text, 0o600), os.Chtimes(path, old, old)); err != nil {
						t.Fatal(err)
					}
				}
				put(c.text)
				var got, told []string
				tl := &tail.Tail{
					Glob: filepath.Join(filepath.Dir(path), "audit*.log"), Poll: 100 * time.Millisecond, State: &tail.State{},
					Out: func(batch []tail.Line) error {
						for _, l := range batch {
							got = append(got, string(l.Text))
						}
						return nil
					},
					Save: func() error { return nil },
					Warn: func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) },
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- tl.Run(ctx) }()
				time.Sleep(5050 * time.Millisecond) // fifty looks
				synctest.Wait()
				if len(got) < c.least || len(got) > c.most || !slices.Equal(got, lines[:len(got)]) {
					t.Errorf("%d lines before it was mended", len(got))
				}
				if len(told) != c.told || c.told > 0 && !strings.Contains(told[0], "is cut or damaged") {
					t.Errorf("told %q", told)
				}
				put(whole.Bytes())
				time.Sleep(time.Second)
				cancel()
				if err := <-ended; err != nil || !slices.Equal(got, lines) {
					t.Errorf("%d lines of %d when it was mended: %v", len(got), len(lines), err)
				}
			})
		})
	}
}

// emptyGzip is a packed file with nothing in it.
func emptyGzip() []byte {
	var b bytes.Buffer
	gzip.NewWriter(&b).Close()
	return b.Bytes()
}
