// Package replay sends data sets somewhere: line by line, in bounded batches,
// with their times moved, at a rate, and from where the last run ended.
package replay

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/time/rate"

	"github.com/kubeanon/kubeanon/internal/logfile"
	"github.com/kubeanon/kubeanon/internal/retry"
)

// Record is one event on its way.
type Record struct {
	Text    []byte // valid until Add returns
	Dataset *Dataset
	Time    time.Time // the zero value if none stands in it
}

// Sink is where events go.
type Sink interface {
	// Add adds an event to the batch.
	Add(Record)
	// Full reports whether the batch is to be sent before more is added.
	Full() bool
	// Flush sends the batch. Confirmed is called, now or in a later call, when
	// it has arrived; batches are confirmed in their order.
	Flush(ctx context.Context, confirmed func()) error
	// Settle returns when all that was flushed is confirmed.
	Settle(ctx context.Context) error
}

// State is how far a replay has come; it is what a resume file holds.
type State struct {
	Shift time.Duration   `json:"shift"` // by which all times are moved
	Files map[string]Done `json:"files"` // by path
}

// Done is how far a file has come.
type Done struct {
	Lines       int64  `json:"lines"`
	Fingerprint string `json:"fingerprint"` // of the first line
}

// Replay sends data sets. Set the upper fields before Run.
type Replay struct {
	Datasets []Dataset
	Stdin    io.Reader
	Sink     Sink
	Rate     rate.Limit // events a second; 0 for no limit
	Speed    float64    // times as fast as it happened; 0 for no limit
	State    *State
	Save     func() error                   // keeps the state; may be nil
	Progress func(events int64, read int64) // is told how much was read; may be nil

	Events  int64 // that were handed to the sink
	Bytes   int64 // of their text
	Skipped int64 // lines that an earlier run had sent
	First   time.Time
	Last    time.Time // of the events, moved
	read    int64     // of files, packed or not
	limiter *rate.Limiter
	began   time.Time // when the first event with a time went out, for Speed
	from    time.Time // its time
}

// Newest is the time of the newest event of the data sets; the zero value if
// none has one. All files are read.
func Newest(ctx context.Context, sets []Dataset, progress func(events, read int64)) (newest time.Time, err error) {
	count := Replay{Datasets: sets, State: &State{}, Sink: nowhere{}, Progress: progress}
	err = count.Run(ctx)
	return count.Last, err
}

// nowhere is a sink that takes everything and keeps nothing.
type nowhere struct{}

func (nowhere) Add(Record) {}
func (nowhere) Full() bool { return false }
func (nowhere) Flush(_ context.Context, confirmed func()) error {
	if confirmed != nil {
		confirmed()
	}
	return nil
}
func (nowhere) Settle(context.Context) error { return nil }

// Nowhere is the sink of a run that only counts.
func Nowhere() Sink { return nowhere{} }

// UnreadableError is the error of files that could not be read; the others were
// sent.
type UnreadableError struct{ error }

func (e UnreadableError) Unwrap() error { return e.error }

// Run sends everything. Files that cannot be read do not stop it: they are in an
// UnreadableError at the end. Another error is the sink's, or the context's.
func (r *Replay) Run(ctx context.Context) error {
	if r.State.Files == nil {
		r.State.Files = map[string]Done{}
	}
	if r.Rate > 0 {
		r.limiter = rate.NewLimiter(r.Rate, max(1, int(r.Rate)/10))
	}
	var unread []error
	for i := range r.Datasets {
		set := &r.Datasets[i]
		err := r.file(ctx, set)
		if _, ok := errors.AsType[UnreadableError](err); ok {
			unread = append(unread, err)
		} else if err != nil {
			return err
		}
	}
	if err := r.Sink.Settle(ctx); err != nil {
		return err
	}
	if len(unread) > 0 {
		return UnreadableError{errors.Join(unread...)}
	}
	return nil
}

// file sends one file. What was read of it is sent, whatever happens then.
func (r *Replay) file(ctx context.Context, set *Dataset) error {
	input := r.Stdin
	if set.Path != logfile.Stdin {
		f, err := os.Open(set.Path)
		if err != nil {
			return UnreadableError{err}
		}
		defer f.Close() // only read
		input = f
	}
	text, err := logfile.Unpack(logfile.Counting(input, func(n int) { r.read += int64(n) }))
	if err != nil {
		return UnreadableError{fmt.Errorf("%s: %w", set.Path, err)}
	}
	defer func() { _ = text.Close() }() // only read
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, maxLine)
	before := r.State.Files[set.Path]
	now := Done{}
	added := now // without the line that is being read
	flush := func() error {
		at := added
		return r.Sink.Flush(ctx, func() {
			r.State.Files[set.Path] = at
			if r.Save != nil {
				err = errors.Join(err, r.Save())
			}
		})
	}
	for lines.Scan() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		now.Lines++
		if now.Lines == 1 {
			now.Fingerprint = fingerprint(lines.Bytes())
			if before.Lines > 0 && before.Fingerprint != now.Fingerprint {
				return UnreadableError{fmt.Errorf("%s: the resume file knows another file of this name; remove it to begin anew", set.Path)}
			}
		}
		if r.Progress != nil && now.Lines%1000 == 0 {
			r.Progress(r.Events, r.read)
		}
		if now.Lines <= before.Lines {
			r.Skipped++
			continue
		}
		line := bytes.TrimSuffix(lines.Bytes(), []byte("\r"))
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		record := Record{Text: rebase(line, r.State.Shift), Dataset: set}
		record.Time = eventTime(record.Text)
		if err := r.pace(ctx, record.Time, flush); err != nil {
			return err
		}
		r.count(&record)
		r.Sink.Add(record)
		added = now
		if r.Sink.Full() {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	added = now
	if ferr := flush(); ferr != nil {
		return ferr
	}
	if r.Progress != nil {
		r.Progress(r.Events, r.read)
	}
	if err != nil {
		return fmt.Errorf("the resume file: %w", err)
	}
	if err := lines.Err(); err != nil {
		return UnreadableError{fmt.Errorf("%s, line %d: %w", set.Path, now.Lines+1, err)}
	}
	return nil
}

func (r *Replay) count(record *Record) {
	r.Events++
	r.Bytes += int64(len(record.Text))
	if record.Time.IsZero() {
		return
	}
	if r.First.IsZero() || record.Time.Before(r.First) {
		r.First = record.Time
	}
	if record.Time.After(r.Last) {
		r.Last = record.Time
	}
}

// pace waits until the next event is due. What is in the batch goes out before a
// wait that somebody would notice.
func (r *Replay) pace(ctx context.Context, at time.Time, flush func() error) error {
	var wait time.Duration
	switch {
	case r.limiter != nil:
		wait = r.limiter.Reserve().Delay()
	case r.Speed > 0 && !at.IsZero():
		if r.from.IsZero() {
			r.began, r.from = time.Now(), at
		}
		wait = time.Duration(float64(at.Sub(r.from))/r.Speed) - time.Since(r.began)
	}
	if wait <= 0 {
		return nil
	}
	if wait > 50*time.Millisecond {
		if err := flush(); err != nil {
			return err
		}
	}
	return retry.Wait(ctx, wait)
}

// fingerprint tells files apart by their first line.
func fingerprint(line []byte) string {
	sum := sha256.Sum256(line)
	return hex.EncodeToString(sum[:8])
}
