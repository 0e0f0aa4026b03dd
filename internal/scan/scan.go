// Package scan reads log files and hands every record to a detector. It knows
// files, compression and lines; what a line means it does not.
//
// One goroutine reads and unpacks, cutting the text into blocks of whole
// records; several judge blocks; the caller's collects in the order of the
// input. Memory is bounded by the number of blocks, which are used again.
package scan

import (
	"context"
	"errors"
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
	Seconds     float64 `json:"seconds"`
}

func (s *Stats) add(more Stats) {
	s.Bytes += more.Bytes
	s.Lines += more.Lines
	s.Events += more.Events
	s.Undecidable += more.Undecidable
}

// Scanner scans the inputs of one Run. Its upper fields are to be set before.
type Scanner struct {
	Policy   judge.Policy                               // how to judge
	All      bool                                       // events that are not hits are findings too
	Jobs     int                                        // how many workers judge at a time; 0 is one for each processor
	Stdin    io.Reader                                  // what "-" reads
	Suppress func(*detect.Finding) bool                 // takes a finding out before it counts, called by all workers at a time; may be nil
	Emit     func(*detect.Finding)                      // called for each finding in the order of the input; it may be kept
	Render   func(dst []byte, f *detect.Finding) []byte // instead of Emit: appends the row of a finding, called by all workers at a time
	Rows     func(rows []byte)                          // with Render: called with rows in the order of the input
	Warn     func(format string, args ...any)           // called with one line for inputs that are odd, but were read: the first ones by name, then with how many more there were
	Progress func(read int64)                           // called with the bytes read from files so far, by another goroutine; may be nil

	Stats   Stats
	Reasons map[detect.Reason]int64        // undecidable lines by reason
	First   map[detect.Reason]detect.Place // where the first of them stands
}

// stopped is the error of a context that ended a scan.
type stopped struct{ err error }

func (s stopped) Error() string { return "stopped before the end" }
func (s stopped) Unwrap() error { return s.err }

// Run scans the paths: files, folders and "-". A path that cannot be read does
// not stop it: errors of all of them are joined. The error of a context that
// ends the scan early is among them.
func (s *Scanner) Run(ctx context.Context, paths []string) error {
	start := time.Now()
	s.Reasons, s.First = map[detect.Reason]int64{}, map[detect.Reason]detect.Place{}
	jobs := s.Jobs
	if jobs <= 0 {
		jobs = runtime.GOMAXPROCS(0)
	}
	in := newReader(s, 2*jobs+1)
	go in.run(ctx, paths)
	var workers sync.WaitGroup
	for range jobs {
		workers.Go(func() {
			w := worker{detector: detect.New(s.Policy, s.All), suppress: s.Suppress, render: s.Render}
			for b := range in.work {
				w.judge(b)
				b.done <- struct{}{}
			}
		})
	}
	var errs []error
	var file Stats // of the input so far
	var lines int64
	odd := 0
	for b := range in.order {
		<-b.done
		file.add(b.stats)
		s.Stats.add(b.stats)
		for reason, n := range b.reasons {
			if s.Reasons[reason] == 0 {
				s.First[reason] = detect.Place{Input: b.name, Line: lines + b.first[reason]}
			}
			s.Reasons[reason] += n
		}
		for i := range b.findings {
			if ctx.Err() != nil {
				break
			}
			s.Stats.Hits++
			b.findings[i].Place.Input = b.name
			b.findings[i].Place.Line += lines
			s.Emit(&b.findings[i])
		}
		if len(b.rows) > 0 && ctx.Err() == nil {
			s.Stats.Hits += b.stats.Hits
			s.Rows(b.rows)
		}
		lines += b.lines
		if b.end {
			lines = 0
			s.Stats.Files += b.files
			if b.err != nil {
				errs = append(errs, b.err)
			} else if file.Lines > 0 && file.Events == 0 && file.Undecidable == 0 {
				if odd++; odd <= maxOdd {
					s.Warn("%s: no audit events in it; is it a Kubernetes audit log?", b.name)
				}
			}
			file = Stats{}
		}
		in.free <- b
	}
	workers.Wait()
	if odd > maxOdd {
		s.Warn("%d more of %d files have no audit events in them, either", odd-maxOdd, s.Stats.Files)
	}
	if err := ctx.Err(); err != nil {
		errs = append(errs, stopped{err})
	}
	s.Stats.Seconds = time.Since(start).Seconds()
	return errors.Join(errs...)
}
