// Package collect is the modular input: it joins splunkd's protocol (package
// modinput), a source of events (packages tail, webhook and cloudwatch) and what it keeps (packages
// checkpoint and spool).
//
// The contract between a source and what is behind it is one call: the source
// hands out a batch, and when the call returns without an error the batch is
// safe: with splunkd, or on the disk. Only then the source moves its checkpoint,
// or answers.
package collect

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/collect/checkpoint"
	"github.com/kubeanon/kubeanon/internal/collect/cloudwatch"
	"github.com/kubeanon/kubeanon/internal/collect/tail"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
)

// Run collects until the context ends or splunkd is gone, and closes the stream
// in order.
func Run(ctx context.Context, in modinput.Input, stdout io.Writer, log *modinput.Log) error {
	if len(in.Stanzas) != 1 {
		return fmt.Errorf("%d stanzas were given; this input runs one process for each", len(in.Stanzas))
	}
	set, err := Parse(in.Stanzas[0])
	if err != nil {
		return err
	}
	saved, err := checkpoint.Open(in.CheckpointDir, set.Name)
	if err != nil {
		return err
	}
	defer func() { _ = saved.Close() }() // it only held the lock
	stream := modinput.NewStream(stdout)
	c := &collector{set: set, sink: splunkd{stream, set.Name}, log: log, reported: time.Now()}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		for parent := os.Getppid(); ctx.Err() == nil; {
			select {
			case <-ctx.Done():
			case <-time.After(parentPoll):
				if os.Getppid() != parent {
					log.Warn("splunkd is gone; stopping")
					cancel()
				}
			}
		}
	}()
	err = c.collect(ctx, in, saved)
	c.report()
	if cerr := stream.Close(); err == nil {
		err = cerr
	}
	return err
}

// collect runs the source of the settings until the context ends, or the sink
// fails.
func (c *collector) collect(ctx context.Context, in modinput.Input, saved *checkpoint.File) error {
	switch {
	case c.set.Webhook != nil:
		return c.receive(ctx, in)
	case c.set.Group != nil:
		return c.ask(ctx, saved)
	}
	return c.follow(ctx, saved)
}

// follow collects files.
func (c *collector) follow(ctx context.Context, saved *checkpoint.File) error {
	state := &tail.State{}
	found, err := saved.Load(state)
	if err != nil {
		return err
	}
	c.log.Info("collecting %s", c.set.Glob)
	t := tail.Tail{
		Glob: c.set.Glob, FromEnd: c.set.FromEnd, Poll: poll, State: state, First: !found,
		Out: func(lines []tail.Line) error {
			for _, l := range lines {
				if c.takes(l.Text) {
					c.send(l.Text, l.Path)
				}
			}
			return c.flush()
		},
		Save: func() error { return c.save(ctx, saved, state) },
		Warn: c.log.Warn,
	}
	return t.Run(ctx)
}

// ask collects a log group.
func (c *collector) ask(ctx context.Context, saved *checkpoint.File) error {
	state := &cloudwatch.State{}
	found, err := saved.Load(state)
	if err != nil {
		return err
	}
	c.log.Info("collecting the log group %s of %s", c.set.Group.Name, c.set.Group.Region)
	group := cloudwatch.Collector{
		Group: *c.set.Group, FromEnd: c.set.FromEnd, State: state, First: !found,
		Out: func(events []cloudwatch.Event) error {
			for _, e := range events {
				if text := []byte(e.Message); c.takes(text) {
					c.send(text, "cloudwatch:"+c.set.Group.Name+"/"+e.Stream)
				}
			}
			return c.flush()
		},
		Save: func() error { return c.save(ctx, saved, state) },
		Warn: c.log.Warn,
	}
	if err := group.Open(ctx); err != nil {
		return err
	}
	return group.Run(ctx)
}

// save saves a checkpoint, and tries until that is done or the context ends. On a
// full disk the input waits: if it ended, each start would bring the same batch
// once more, and if it went on, the next start would bring all since then.
func (c *collector) save(ctx context.Context, saved *checkpoint.File, state any) error {
	for {
		err := saved.Save(c.set.Name, state)
		if err == nil {
			return nil
		}
		c.log.Error("nothing is collected until the checkpoint can be saved: %v", err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(saveAgain):
		}
	}
}

// sink is where events go: splunkd, or a collector that is far away.
type sink interface {
	// add takes an event, which is not kept.
	add(text []byte, source string, at time.Time)
	// flush returns when all that was added is out.
	flush() error
}

// splunkd is the sink of a modular input.
type splunkd struct {
	stream *modinput.Stream
	stanza string
}

func (s splunkd) add(text []byte, source string, at time.Time) {
	s.stream.Write(&modinput.Event{Stanza: s.stanza, Source: source, Time: at, Data: text})
}

func (s splunkd) flush() error {
	if err := s.stream.Flush(); err != nil {
		return fmt.Errorf("splunkd does not read any more: %w", err)
	}
	return nil
}

// collector brings events to a sink.
type collector struct {
	set     Settings
	sink    sink
	log     *modinput.Log
	decoder audit.Decoder

	seen, left, sent atomic.Int64
	begun            int64 // events that the sink has, and that may not be out
	reported         time.Time
}

// takes counts an event and reports whether the filter lets it pass.
func (c *collector) takes(text []byte) bool {
	c.seen.Add(1)
	if !c.set.filter.passes(text) {
		c.left.Add(1)
		return false
	}
	return true
}

// send gives an event to the sink; it is out after flush.
func (c *collector) send(text []byte, source string) {
	c.begun++
	var at time.Time // of the event, if it is a plain one
	if ev, err := c.decoder.Decode(text); err == nil {
		at, _ = time.Parse(time.RFC3339Nano, ev.RequestReceivedTimestamp) // else Splunk finds one
	}
	c.sink.add(text, source, at)
}

// flush returns when all that was sent is out.
func (c *collector) flush() error {
	if err := c.sink.flush(); err != nil {
		return err
	}
	c.sent.Add(c.begun)
	c.begun = 0
	if time.Since(c.reported) > reportEvery {
		c.report()
	}
	return nil
}

// report tells splunkd's log what was done, for the dashboard Health.
func (c *collector) report() {
	c.reported = time.Now()
	c.log.Info("input=%q seen=%d sent=%d left_out=%d", c.set.Name, c.seen.Load(), c.sent.Load(), c.left.Load())
}
