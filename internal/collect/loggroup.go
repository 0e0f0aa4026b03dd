package collect

import (
	"context"
	"time"

	"github.com/kubeanon/kubeanon/internal/collect/checkpoint"
	"github.com/kubeanon/kubeanon/internal/collect/cloudwatch"
)

// LogGroup is a log group of Amazon CloudWatch Logs.
type LogGroup struct {
	cloudwatch.Group
	FromEnd bool // events from before the very first start are not collected
}

// logGroup is the source of a log group.
type logGroup struct {
	origin
	LogGroup
}

func newLogGroup(o origin, set LogGroup) *logGroup {
	if o.filter != nil && o.filter.anonymous {
		// Either word, wherever it stands: what AWS does not send need not be
		// indexed, and what it sends is judged here.
		set.Pattern = `?"system:anonymous" ?"system:unauthenticated"`
	}
	return &logGroup{o, set}
}

// Check asks AWS for one event.
func (s *logGroup) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, trying)
	defer cancel()
	c := cloudwatch.Collector{Group: s.Group, State: &cloudwatch.State{}}
	if err := c.Open(ctx); err != nil {
		return err
	}
	return c.Try(ctx)
}

// Run asks for new events until the context ends.
func (s *logGroup) Run(ctx context.Context, out Sink, saved *checkpoint.File) error {
	state := &cloudwatch.State{}
	found, err := saved.Load(state)
	if err != nil {
		return err
	}
	s.log.Info("collecting the log group %s of %s", s.Name, s.Region)
	late, stop := outlive(ctx)
	defer stop()
	sieve := s.sieve()
	c := cloudwatch.Collector{
		Group: s.Group, FromEnd: s.FromEnd, State: state, First: !found,
		Out: func(events []cloudwatch.Event) error {
			for _, e := range events {
				text := []byte(e.Message)
				if at, ok := sieve.take(text); ok {
					out.Add(text, "cloudwatch:"+s.Name+"/"+e.Stream, at)
				}
			}
			return out.Flush(late)
		},
		Save: func() error { return s.save(ctx, saved, state) },
		Warn: s.log.Warn,
	}
	if err := c.Open(ctx); err != nil {
		return err
	}
	return c.Run(ctx)
}

// Lag is the age of the checkpoint, which is saved after every answer of AWS,
// with or without events.
func (s *logGroup) Lag(now time.Time) (Lag, error) {
	saved, err := s.savedAt()
	if err != nil || saved.IsZero() {
		return Lag{Odd: nothingYet}, err
	}
	age := now.Sub(saved)
	return Lag{Found: "its checkpoint was saved " + ago(age), Behind: max(0, age)}, nil
}
