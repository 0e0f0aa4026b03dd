package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
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
	counts  func(out []byte) (hits int, exact bool)
	seconds []float64
	memory  int64 // peak, in bytes
	hits    int
	exact   bool
}

// run runs the tool once. Its output goes through a pipe: into /dev/null some
// tools do not even search.
func (t *tool) run() error {
	var out bytes.Buffer
	cmd := exec.Command(t.argv[0], t.argv[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stderr = io.Discard
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	var feed *exec.Cmd
	if t.stdin != "" {
		feed = exec.Command("cat", t.stdin)
		if cmd.Stdin, err = feed.StdoutPipe(); err != nil {
			return err
		}
	}
	start := time.Now()
	if feed != nil {
		if err := feed.Start(); err != nil {
			return err
		}
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	if t.counts == nil {
		_, err = io.Copy(io.Discard, stdout)
	} else {
		_, err = out.ReadFrom(stdout)
	}
	if err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() != 1 { // 1: something was found
		return fmt.Errorf("%s: %w", t.name, err)
	}
	t.seconds = append(t.seconds, time.Since(start).Seconds())
	t.memory = max(t.memory, peak(cmd.ProcessState))
	if feed != nil {
		_ = feed.Wait() // the tool tells if it got too little
	}
	if t.counts != nil {
		t.hits, t.exact = t.counts(out.Bytes())
	}
	return nil
}

// race runs the tools in turn, so that what else the machine does falls on all
// of them. The slow ones drop out after their rounds.
func race(tools []*tool) error {
	for round := 0; ; round++ {
		ran := false
		for _, t := range tools {
			if t.absent != "" || round >= t.rounds {
				continue
			}
			ran = true
			if err := t.run(); err != nil {
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

// ratio is how many times as long as base t takes: the median over the rounds
// that both ran.
func (t *tool) ratio(base *tool) float64 {
	var all []float64
	for i := range min(len(t.seconds), len(base.seconds)) {
		all = append(all, t.seconds[i]/base.seconds[i])
	}
	return median(all)
}

// ids counts the lines of a tool that prints one audit ID a line, or an object
// that holds one; exact says that they are the hits of the source, once each.
func ids(want int) func(out []byte) (int, bool) {
	return func(out []byte) (hits int, exact bool) {
		seen := map[string]bool{}
		exact = true
		for line := range strings.Lines(string(out)) {
			hits++
			i := strings.Index(line, hitID)
			if i < 0 || len(line) < i+36 || seen[line[i:i+36]] {
				exact = false
				continue
			}
			seen[line[i:i+36]] = true
		}
		return hits, exact && hits == want
	}
}

// number reads a count, which cannot show which lines were counted.
func number(want int) func(out []byte) (int, bool) {
	return func(out []byte) (int, bool) {
		n, err := strconv.Atoi(strings.TrimSpace(string(out)))
		return n, err == nil && n == want
	}
}

// lookup makes a tool absent if its program is.
func (t *tool) lookup() *tool {
	if _, err := exec.LookPath(t.argv[0]); err != nil {
		t.absent = t.argv[0] + " is not installed"
	}
	return t
}
