package scan

import (
	"context"
	"errors"

	"github.com/kubeanon/kubeanon/internal/detect"
)

// collector takes judged blocks in the order of the input, hands their findings
// to the sink and counts.
type collector struct {
	sink   Sink
	rows   RowSink // the sink, if it is one
	warn   func(format string, args ...any)
	result Result
	errs   []error // of inputs

	file  Stats // of the current input so far
	lines int64 // of the current input before the block
}

func newCollector(config *Config) *collector {
	c := &collector{
		sink: config.Sink, warn: config.Warn,
		result: Result{Reasons: map[detect.Reason]int64{}, First: map[detect.Reason]detect.Place{}},
	}
	c.rows, _ = config.Sink.(RowSink)
	return c
}

// take takes a block.
func (c *collector) take(ctx context.Context, b *block) {
	c.file.add(b.stats)
	c.result.Stats.add(b.stats)
	for reason, n := range b.reasons {
		if c.result.Reasons[reason] == 0 {
			c.result.First[reason] = detect.Place{Input: b.name, Line: c.lines + b.first[reason]}
		}
		c.result.Reasons[reason] += n
	}
	c.hand(ctx, b)
	c.lines += b.lines
	if b.end {
		c.endInput(b)
	}
}

// hand gives the findings of a block to the sink, until ctx ends.
func (c *collector) hand(ctx context.Context, b *block) {
	for i := range b.findings {
		if ctx.Err() != nil {
			return
		}
		f := &b.findings[i]
		f.Place.Input = b.name
		f.Place.Line += c.lines
		c.result.Stats.Hits++
		c.sink.Add(f)
	}
	if len(b.rows) > 0 && ctx.Err() == nil {
		c.result.Stats.Hits += b.stats.Hits
		c.rows.AddRows(b.rows)
	}
}

// endInput closes the accounts of an input with its last block.
func (c *collector) endInput(b *block) {
	c.result.Stats.Files += b.files
	switch {
	case b.err != nil:
		c.errs = append(c.errs, b.err)
		c.result.Stats.Unreadable++
	case c.file.Lines > 0 && c.file.Events == 0 && c.file.Undecidable == 0:
		if c.result.Stats.Eventless++; c.result.Stats.Eventless <= maxOdd {
			c.warn("%s: no audit events in it; it must be a Kubernetes audit log in JSON (the API server's --audit-log-format=json)", b.name)
		}
	}
	c.file, c.lines = Stats{}, 0
}

// end warns of what was not warned of by name, and joins the errors of all inputs
// and the one that stopped the scan, if one did.
func (c *collector) end(stopped error) error {
	if n := c.result.Stats.Eventless; n > maxOdd {
		c.warn("%d more of %d files have no audit events in them, either", n-maxOdd, c.result.Stats.Files)
	}
	if stopped != nil {
		c.errs = append(c.errs, stoppedError{stopped})
	}
	return errors.Join(c.errs...)
}
