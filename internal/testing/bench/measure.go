package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// tool is a command that looks for anonymous requests, or reads as much.
type tool struct {
	name    string
	argv    []string
	stdin   string // a file that is piped into it through cat
	rounds  int    // how often it is run; slow ones less often
	absent  string // why it cannot be run
	counts  func(out io.Reader) (hits int, exact bool, err error)
	null    bool // its output is large: reading it would be part of the measurement
	seconds []float64
	cpu     []float64 // seconds of one processor, of the tool alone
	memory  int64     // peak, in bytes
	hits    int
	exact   bool
}

// check runs the tool once and holds its hits against the truth.
func (t *tool) check() error {
	if t.counts == nil {
		return t.run(func(out io.Reader) error { _, err := io.Copy(io.Discard, out); return err })
	}
	return t.run(func(out io.Reader) (err error) {
		t.hits, t.exact, err = t.counts(out)
		return err
	})
}

// time runs the tool once more and takes its time. The output goes through a
// pipe if it is small: into /dev/null grep does not even search.
func (t *tool) time() error {
	read := func(out io.Reader) error { _, err := io.Copy(io.Discard, out); return err }
	if t.null {
		read = nil
	}
	start := time.Now()
	err := t.run(read)
	t.seconds = append(t.seconds, time.Since(start).Seconds())
	return err
}

func (t *tool) run(read func(out io.Reader) error) error {
	cmd := exec.Command(t.argv[0], t.argv[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var out io.Reader
	var err error
	if read != nil {
		if out, err = cmd.StdoutPipe(); err != nil {
			return err
		}
	}
	var feed *exec.Cmd
	if t.stdin != "" {
		feed = exec.Command("cat", t.stdin)
		if cmd.Stdin, err = feed.StdoutPipe(); err != nil {
			return err
		}
		if err := feed.Start(); err != nil {
			return err
		}
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	watched := make(chan struct{})
	watch := time.NewTicker(5 * time.Millisecond)
	go func() {
		defer close(watched)
		for range watch.C {
			now := peak(cmd.Process.Pid)
			if now == 0 {
				return // it is gone
			}
			t.memory = max(t.memory, now)
		}
	}()
	if read != nil {
		err = read(out)
	}
	if werr := cmd.Wait(); err == nil && cmd.ProcessState.ExitCode() != 1 { // 1: something was found
		err = werr
	}
	t.cpu = append(t.cpu, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
	<-watched
	watch.Stop()
	if feed != nil {
		_ = feed.Wait() // the tool tells if it got too little
	}
	if err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	return nil
}

// race runs the tools in turn, so that what else the machine does falls on all
// of them. The slow ones drop out after their rounds.
func race(tools []*tool) error {
	for _, t := range tools {
		if t.absent == "" {
			if err := t.check(); err != nil {
				return err
			}
		}
	}
	for round := 0; ; round++ {
		ran := false
		for _, t := range tools {
			if t.absent != "" || round >= t.rounds {
				continue
			}
			ran = true
			if err := t.time(); err != nil {
				return err
			}
		}
		if !ran {
			return nil
		}
	}
}

func median(all []float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// ratio is how many times as long as base t takes, by the medians.
func (t *tool) ratio(base *tool) float64 { return median(t.seconds) / median(base.seconds) }

// ids counts the lines of a tool that prints one audit ID a line, or an object
// that holds one; exact says that they are the hits of the source, once each.
func ids(want int) func(out io.Reader) (int, bool, error) {
	return func(out io.Reader) (hits int, exact bool, err error) {
		seen := map[string]bool{}
		exact = true
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			hits++
			i := strings.Index(lines.Text(), hitID)
			if i < 0 || len(lines.Text()) < i+36 || seen[lines.Text()[i:i+36]] {
				exact = false
				continue
			}
			seen[lines.Text()[i:i+36]] = true
		}
		return hits, exact && hits == want, lines.Err()
	}
}

// number reads a count, which cannot show which lines were counted.
func number(want int) func(out io.Reader) (int, bool, error) {
	return func(out io.Reader) (n int, exact bool, err error) {
		_, err = fmt.Fscan(out, &n)
		return n, n == want, err
	}
}

// lookup makes a tool absent if its program is.
func (t *tool) lookup() *tool {
	if _, err := exec.LookPath(t.argv[0]); err != nil {
		t.absent = t.argv[0] + " is not installed"
	}
	return t
}
