// Package scan reads log files and hands every record to a detector. It knows
// files, compression and lines; what a line means it does not.
//
// One goroutine reads and unpacks, cutting the text into blocks of whole
// records; several judge blocks; the caller's collects in the order of the
// input. Memory is bounded by the number of blocks, which are used again.
package scan

import (
	"context"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// Stats counts what a scan saw. The names of its JSON form are fixed.
type Stats struct {
	Files       int     `json:"files"`
	Bytes       int64   `json:"bytes"`       // of text, after decompression
	Lines       int64   `json:"lines"`       // records: lines that are not empty, or JSON over several
	Events      int64   `json:"events"`      // audit events; a line that names nobody anonymous is not unwrapped and counts as one
	Hits        int64   `json:"hits"`        // findings
	Undecidable int64   `json:"undecidable"` // lines that may hide an anonymous request
	Eventless   int     `json:"-"`           // inputs in which nothing is an audit event
	Unreadable  int     `json:"-"`           // inputs that could not be read to their end
	Seconds     float64 `json:"seconds"`
}

func (s *Stats) add(more Stats) {
	s.Bytes += more.Bytes
	s.Lines += more.Lines
	s.Events += more.Events
	s.Undecidable += more.Undecidable
}

// Sink takes the findings of a scan.
type Sink interface {
	// Drops reports whether a finding is excluded before it counts. Workers call it
	// at the same time.
	Drops(f *detect.Finding) bool
	// Add takes a finding, which it may keep. Findings come one by one, in the order
	// of the input.
	Add(f *detect.Finding)
}

// RowSink is a Sink of rows that can be made apart from each other. Then Add is
// not called.
type RowSink interface {
	Sink
	// AppendRow appends the row of a finding to dst. Workers call it at the same time.
	AppendRow(dst []byte, f *detect.Finding) []byte
	// AddRows takes whole rows, in the order of the input. It must not keep them.
	AddRows(rows []byte)
}

// Config is what a scan needs.
type Config struct {
	Policy   judge.Policy                     // how to judge
	Cluster  string                           // of events whose input names none
	All      bool                             // events that are not hits are findings, too
	Jobs     int                              // how many workers judge at the same time; 0 is one for each processor
	Stdin    io.Reader                        // what "-" reads
	Sink     Sink                             // takes the findings
	Warn     func(format string, args ...any) // called with one line for each of the first inputs that were read, but hold no audit event, then with the number of the others
	Progress func(read int64)                 // called by another goroutine with the bytes read from files so far; may be nil
}

// Result is what a scan saw.
type Result struct {
	Stats   Stats
	Reasons map[detect.Reason]int64        // undecidable lines by reason
	First   map[detect.Reason]detect.Place // where the first of them is
}

// stoppedError says that a context ended a scan.
type stoppedError struct{ err error }

func (e stoppedError) Error() string { return "stopped before the end" }
func (e stoppedError) Unwrap() error { return e.err }

// Scanner scans inputs under one Config.
type Scanner struct{ config Config }

// New returns a Scanner. Sink and Warn must be set.
func New(config Config) *Scanner {
	if config.Jobs <= 0 {
		config.Jobs = runtime.GOMAXPROCS(0)
	}
	return &Scanner{config: config}
}

// Run scans the paths: files, folders and "-". A path that cannot be read does
// not stop it: errors of all of them are joined. The error of a context that
// ends the scan early is among them. The Result counts what was read until then.
func (s *Scanner) Run(ctx context.Context, paths []string) (Result, error) {
	start := time.Now()
	in := newReader(&s.config, 2*s.config.Jobs+1)
	go in.run(ctx, paths)
	var workers sync.WaitGroup
	for range s.config.Jobs {
		workers.Go(func() {
			w := newWorker(&s.config)
			for b := range in.work {
				w.judge(b)
				b.done <- struct{}{}
			}
		})
	}
	c := newCollector(&s.config)
	for b := range in.order {
		<-b.done
		c.take(ctx, b)
		in.free <- b
	}
	workers.Wait()
	err := c.end(ctx.Err())
	c.result.Stats.Seconds = time.Since(start).Seconds()
	return c.result, err
}
