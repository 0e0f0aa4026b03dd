// Package collect is the modular input and the service: it brings the events of
// a Source to a Sink.
//
// A source is an adapter in this package, one file each, around a package that
// knows the other side and nothing of Splunk: files.go (tail), webhook.go
// (webhook and spool) and loggroup.go (cloudwatch). The contract between a
// source and its sink is one call: when Flush returns without an error, all that
// was added before is durable, and only then the source moves its checkpoint.
package collect

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/kubeanon/kubeanon/internal/collect/checkpoint"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
)

// Source brings events from one place.
type Source interface {
	// Check tries the settings, for --validate-arguments: what it accepts works
	// now. It collects nothing.
	Check(ctx context.Context) error
	// Run collects into out until the context ends, or out or saved fail. It may
	// go on for a few seconds after that, to deliver what it has taken over. It is
	// called once. saved is the checkpoint, which the caller holds; a source that
	// keeps events itself may leave it alone.
	Run(ctx context.Context, out Sink, saved *checkpoint.File) error
	// Lag says how far collecting is behind, from what is on the disk or, while
	// Run is under way, from memory. It changes nothing, and it may be called at
	// any time.
	Lag(now time.Time) (Lag, error)
}

// Sink takes events. One goroutine uses it.
type Sink interface {
	// Add takes an event, and keeps no view of text. The time is that of the event;
	// zero if it is not known.
	Add(text []byte, source string, at time.Time)
	// Flush returns nil when all that was added is durable downstream. After an
	// error nobody knows, and what was added has to come again.
	Flush(ctx context.Context) error
}

// Lag is how far a source is behind what there is to collect.
type Lag struct {
	Found   string        // what there is, and how far it was collected, in words
	Odd     string        // why nothing may be collected although nothing failed, in words; empty if nothing is odd
	Behind  time.Duration // how much older the checkpoint is than the newest event; 0 if it is not, or unknown
	Stored  int64         // bytes that the source keeps on the disk itself
	Waiting int64         // bytes of them that are not delivered yet
}

// Run runs the modular input for the stanza of in, until the context ends or
// splunkd is gone, and closes the stream in order.
func Run(ctx context.Context, in modinput.Input, stdout io.Writer, log *modinput.Log) error {
	if len(in.Stanzas) != 1 {
		return fmt.Errorf("%d stanzas were given; this input runs one process for each", len(in.Stanzas))
	}
	set, err := Parse(in, in.Stanzas[0], log)
	if err != nil {
		return err
	}
	saved, err := checkpoint.Open(in.CheckpointDir, set.Name)
	if err != nil {
		return err
	}
	defer func() { _ = saved.Close() }() // it only held the lock
	var watching sync.WaitGroup
	defer watching.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watching.Go(func() { watchParent(ctx, cancel, log) })
	stream := modinput.NewStream(stdout)
	err = set.run(ctx, splunkd{stream, set.Name}, saved)
	if cerr := stream.Close(); err == nil {
		err = cerr
	}
	return err
}

// watchParent cancels when the process that started this one is gone. It ends
// with the context.
func watchParent(ctx context.Context, cancel context.CancelFunc, log *modinput.Log) {
	tick := time.NewTicker(parentPoll)
	defer tick.Stop()
	for parent := os.Getppid(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if os.Getppid() != parent {
				log.Warn("splunkd is gone; stopping")
				cancel()
			}
		}
	}
}

// Validate reads the settings of a stanza and tries them: what it accepts works
// now.
func Validate(ctx context.Context, in modinput.Input) error {
	set, err := Parse(in, in.Stanzas[0], modinput.NewLog(io.Discard))
	if err != nil {
		return err
	}
	return set.Source.Check(ctx)
}

// splunkd is the sink of the modular input.
type splunkd struct {
	stream *modinput.Stream
	stanza string
}

func (s splunkd) Add(text []byte, source string, at time.Time) {
	s.stream.Write(&modinput.Event{Stanza: s.stanza, Source: source, Time: at, Data: text})
}

// Flush waits for splunkd as long as that lives, whatever the context says: an
// event that stands in the pipe may still arrive.
func (s splunkd) Flush(context.Context) error {
	if err := s.stream.Flush(); err != nil {
		return fmt.Errorf("splunkd does not read any more: %w", err)
	}
	return nil
}

// origin is what every source is built from, in addition to its own settings.
type origin struct {
	name        string // of the stanza
	checkpoints string // the folder of its checkpoint; empty for a source that has none
	filter      *Filter
	counts      *counters
	log         *modinput.Log
}

// sieve returns a sieve for one goroutine.
func (o *origin) sieve() *sieve { return newSieve(o.filter, o.counts) }

// save saves a checkpoint. While that fails it waits and tries again, and when
// the context ends it tries a last time. On a full disk the input waits: if it
// ended, each start would bring the same batch once more, and if it went on, the
// next start would bring all since then.
func (o *origin) save(ctx context.Context, saved *checkpoint.File, state any) error {
	for {
		last := ctx.Err() != nil
		err := saved.Save(o.name, state)
		if err == nil || last {
			return err
		}
		o.log.Error("nothing is collected until the checkpoint can be saved: %v", err)
		select {
		case <-ctx.Done():
		case <-time.After(saveAgain):
		}
	}
}

// savedAt is when the checkpoint was last saved; zero if it never was.
func (o *origin) savedAt() (time.Time, error) { return checkpoint.SavedAt(o.checkpoints, o.name) }

// outlive returns a context that ends a while after ctx: in that time a source
// delivers what it has taken over.
func outlive(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(leaving, cancel) })
	return late, func() {
		stop()
		cancel()
	}
}
