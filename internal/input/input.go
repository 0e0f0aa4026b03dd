// Package input is the modular input: it joins splunkd's protocol (package
// modinput), a source of events (package tail) and the checkpoint.
//
// The contract between a source and what is behind it is one call: the source
// hands out a batch, and when the call returns without an error the batch is
// out. Only then the source moves its checkpoint.
package input

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/kubeanon/kubeanon/internal/annotate"
	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/checkpoint"
	"github.com/kubeanon/kubeanon/internal/finding"
	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
	"github.com/kubeanon/kubeanon/internal/tail"
)

const (
	// poll is how often files are looked at. A look at a file that has not
	// changed costs two small reads.
	poll = 250 * time.Millisecond

	// parentPoll is how often to see whether splunkd is still there.
	parentPoll = time.Second

	// reportEvery is how often counts go to splunkd's log.
	reportEvery = 5 * time.Minute
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
	c := collector{set: set, stream: modinput.NewStream(stdout), log: log, reported: time.Now()}
	c.annotator.Policy = judge.DefaultPolicy()
	state := &tail.State{}
	found, err := saved.Load(state)
	if err != nil {
		return err
	}
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
	log.Info("collecting %s", set.Glob)
	t := tail.Tail{
		Glob: set.Glob, FromEnd: set.FromEnd, Poll: poll, State: state, First: !found,
		Out:  c.out,
		Save: func() error { return saved.Save(set.Name, state) },
		Warn: log.Warn,
	}
	err = t.Run(ctx)
	c.report()
	if cerr := c.stream.Close(); err == nil {
		err = cerr
	}
	return err
}

// collector brings lines to splunkd.
type collector struct {
	set       Settings
	stream    *modinput.Stream
	log       *modinput.Log
	annotator annotate.Annotator
	decoder   audit.Decoder

	seen, sent, left int64
	reported         time.Time
}

// out sends a batch of lines. Without an error they are with splunkd.
func (c *collector) out(lines []tail.Line) error {
	for _, l := range lines {
		c.seen++
		if c.set.AnonymousOnly && !c.wanted(l.Text) {
			c.left++
			continue
		}
		c.sent++
		e := modinput.Event{Stanza: c.set.Name, Source: l.Path, Data: l.Text}
		if ev, err := c.decoder.Decode(l.Text); err == nil {
			if at, err := time.Parse(time.RFC3339Nano, ev.RequestReceivedTimestamp); err == nil {
				e.Time = at
			}
		}
		c.stream.Write(&e)
	}
	if err := c.stream.Flush(); err != nil {
		return fmt.Errorf("splunkd does not read any more: %w", err)
	}
	if time.Since(c.reported) > reportEvery {
		c.report()
	}
	return nil
}

// wanted reports whether a line holds an anonymous request, or may do so.
func (c *collector) wanted(text []byte) bool {
	if c.annotator.Skip(text, false) {
		return false
	}
	hit := false
	_, reason := c.annotator.Text(text, func(*finding.Finding) { hit = true })
	return hit || reason != annotate.Decided
}

// report tells splunkd's log what was done, for the dashboard Health.
func (c *collector) report() {
	c.reported = time.Now()
	c.log.Info("input=%q seen=%d sent=%d left_out=%d", c.set.Name, c.seen, c.sent, c.left)
}
