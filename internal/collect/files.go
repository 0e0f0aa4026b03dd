package collect

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kubeanon/kubeanon/internal/collect/checkpoint"
	"github.com/kubeanon/kubeanon/internal/collect/tail"
)

// Files are the log files of an API server.
type Files struct {
	Glob    string // absolute; of the files that are written, not of rotated ones
	FromEnd bool   // files that are there at the very first start are not read
}

// files is the source of log files.
type files struct {
	origin
	Files
}

func newFiles(o origin, set Files) *files { return &files{o, set} }

// Check opens every file that is there.
func (s *files) Check(context.Context) error {
	names, err := filepath.Glob(s.Glob)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		if _, err := os.ReadDir(filepath.Dir(s.Glob)); err != nil && !strings.ContainsAny(filepath.Dir(s.Glob), "*?[") {
			return fmt.Errorf("source: no file matches, and its folder cannot be read: %w", err)
		}
		return nil // the file may come later
	}
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("source: %w; the user that runs splunkd needs to read it (API servers write it with mode 0600)", err)
		}
		_ = f.Close() // only read
	}
	return nil
}

// Run follows the files, and reads them to their ends when the context ends.
func (s *files) Run(ctx context.Context, out Sink, saved *checkpoint.File) error {
	state := &tail.State{}
	found, err := saved.Load(state)
	if err != nil {
		return err
	}
	s.log.Info("collecting %s", s.Glob)
	late, stop := outlive(ctx)
	defer stop()
	sieve := s.sieve()
	t := tail.Tail{
		Glob: s.Glob, FromEnd: s.FromEnd, Poll: poll, State: state, First: !found,
		Out: func(lines []tail.Line) error {
			for _, l := range lines {
				if at, ok := sieve.take(l.Text); ok {
					out.Add(l.Text, l.Path, at)
				}
			}
			return out.Flush(late)
		},
		Save: func() error { return s.save(ctx, saved, state) },
		Warn: s.log.Warn,
	}
	return t.Run(ctx)
}

// Lag compares the checkpoint, which is saved whenever lines were read, with the
// files.
func (s *files) Lag(now time.Time) (Lag, error) {
	names, err := filepath.Glob(s.Glob)
	if err != nil {
		return Lag{}, err
	}
	if len(names) == 0 {
		return Lag{Odd: "no file is named " + s.Glob}, nil
	}
	var newest time.Time
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return Lag{}, fmt.Errorf("%w; the user that runs splunkd needs to read it", err)
		}
		info, err := f.Stat()
		_ = f.Close() // only looked at
		if err == nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	saved, err := s.savedAt()
	if err != nil || saved.IsZero() {
		return Lag{Odd: nothingYet}, err
	}
	return Lag{
		Found:  fmt.Sprintf("%d files, written to %s, read %s", len(names), ago(now.Sub(newest)), ago(now.Sub(saved))),
		Behind: max(0, newest.Sub(saved)),
	}, nil
}

// nothingYet is what is odd about a source that has no checkpoint.
const nothingYet = "it has no checkpoint: it has not collected anything yet"

func ago(d time.Duration) string {
	if d < time.Second {
		return "just now"
	}
	return d.Truncate(time.Second).String() + " ago"
}
