package collect

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/kubeanon/kubeanon/internal/collect/checkpoint"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
)

// counters count the events of a source since it was started. Any goroutine may
// change and read them.
type counters struct {
	seen     atomic.Int64 // came from the source
	filtered atomic.Int64 // of them excluded by the filter
	sent     atomic.Int64 // of them durable downstream
}

// pump is the sink that a source writes to: it passes events on and counts what
// is durable. One goroutine uses it.
type pump struct {
	to       Sink
	counts   *counters
	name     string
	log      *modinput.Log
	added    int64 // events since the last Flush
	reported time.Time
}

func newPump(name string, to Sink, counts *counters, log *modinput.Log) *pump {
	return &pump{to: to, counts: counts, name: name, log: log, reported: time.Now()}
}

func (p *pump) Add(text []byte, source string, at time.Time) {
	p.added++
	p.to.Add(text, source, at)
}

func (p *pump) Flush(ctx context.Context) error {
	if err := p.to.Flush(ctx); err != nil {
		return err
	}
	p.counts.sent.Add(p.added)
	p.added = 0
	if time.Since(p.reported) > reportEvery {
		p.report()
	}
	return nil
}

// report logs what was done, for the dashboard Health.
func (p *pump) report() {
	p.reported = time.Now()
	p.log.Info("input=%q seen=%d sent=%d left_out=%d", p.name, p.counts.seen.Load(), p.counts.sent.Load(), p.counts.filtered.Load())
}

// Input is one configured input: a source and how it is counted.
type Input struct {
	Name   string // of the stanza, with its scheme
	Source Source

	counts *counters
	log    *modinput.Log
}

// run collects from the source into a sink, and reports at the end.
func (in *Input) run(ctx context.Context, to Sink, saved *checkpoint.File) error {
	p := newPump(in.Name, to, in.counts, in.log)
	defer p.report()
	return in.Source.Run(ctx, p, saved)
}
