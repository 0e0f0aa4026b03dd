// Package cloudwatch collects the events of a log group of Amazon CloudWatch
// Logs, where EKS writes its audit log, and loses none: events of an API server
// arrive late, several in a millisecond, on empty pages and behind throttling.
//
// It asks again and again for the time since shortly before the last event, and
// knows by their IDs which events it has had. What is later than that is found
// by a wider look once in a while. A checkpoint by time alone, or by the time
// of ingestion, loses events as soon as one writer lags.
package cloudwatch

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsretry "github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"golang.org/x/time/rate"

	"github.com/kubeanon/kubeanon/internal/retry"
)

// Group is where events are.
type Group struct {
	Region, Name string
	StreamPrefix string // of the streams in the group; empty for all
	Pattern      string // AWS sends only events that match; empty for all
	RoleARN      string // a role to assume; empty for the credentials of the machine
	ExternalID   string
	Endpoint     string // instead of AWS's own, such as a VPC endpoint
	NoIMDS       bool   // never ask the machine's metadata service
}

// Event is an event of the group.
type Event struct {
	ID, Stream string
	Time       time.Time
	Message    string
}

// State is what was collected: the checkpoint.
type State struct {
	Watermark int64  `json:"watermark"` // time of the latest event, in Unix milliseconds
	Seen      string `json:"seen"`      // events of the last sweep, see pack

	seen map[uint64]int64 // by the hash of the ID: the time of the event in seconds
}

// Collector collects a group. Its upper fields are to be set before.
type Collector struct {
	Group   Group
	FromEnd bool // at the very first start, begin with now instead of with all there is
	State   *State
	First   bool // there was no state before
	Out     func([]Event) error
	Save    func() error
	Warn    func(format string, args ...any)
	Now     func() time.Time // nil for the clock
	Calls   float64          // a second, at most; 0 for what AWS leaves to one reader

	client    *cloudwatchlogs.Client
	transport aws.HTTPClient // nil for the network; tests answer in memory
	limit     *rate.Limiter
	swept     time.Time
}

// Open loads the credentials. It calls nobody yet, but for a role of the machine.
func (c *Collector) Open(ctx context.Context) error {
	options := []func(*config.LoadOptions) error{
		config.WithRegion(c.Group.Region),
		config.WithRetryer(func() aws.Retryer {
			return awsretry.NewStandard(func(o *awsretry.StandardOptions) { o.MaxAttempts = attempts })
		}),
	}
	if c.transport != nil {
		options = append(options, config.WithHTTPClient(c.transport))
	}
	if c.Group.NoIMDS {
		options = append(options, config.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return err
	}
	endpoint := func(base **string) {
		if c.Group.Endpoint != "" {
			*base = aws.String(c.Group.Endpoint)
		}
	}
	if c.Group.RoleARN != "" {
		client := sts.NewFromConfig(cfg, func(o *sts.Options) { endpoint(&o.BaseEndpoint) })
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(client, c.Group.RoleARN, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "kubeanon"
			if c.Group.ExternalID != "" {
				o.ExternalID = aws.String(c.Group.ExternalID)
			}
		}))
	}
	c.client = cloudwatchlogs.NewFromConfig(cfg, func(o *cloudwatchlogs.Options) { endpoint(&o.BaseEndpoint) })
	if c.Calls == 0 {
		c.Calls = callsPerSecond
	}
	c.limit = rate.NewLimiter(rate.Limit(c.Calls), callsPerSecond)
	if c.Now == nil {
		c.Now = time.Now
	}
	c.State.unpack()
	if c.First && c.FromEnd {
		c.State.Watermark = c.Now().UnixMilli()
	}
	return nil
}

// Try asks for one event, to see whether the group is there and may be read.
func (c *Collector) Try(ctx context.Context) error {
	_, err := c.client.FilterLogEvents(ctx, c.request(c.Now().Add(-time.Minute).UnixMilli(), nil, 1))
	return err
}

// Run collects until the context ends. What AWS cannot answer is asked again;
// an error of Out or Save ends it.
func (c *Collector) Run(ctx context.Context) error {
	failures := 0
	for {
		next := every
		var own ownError
		switch err := c.Look(ctx); {
		case ctx.Err() != nil:
			return nil
		case errors.As(err, &own):
			return own.err
		case err != nil:
			next = retry.Backoff{First: backoff, Last: 10 * backoff}.Delay(failures)
			failures++
			c.Warn("CloudWatch: %v; asking again in %s", err, next)
		default:
			failures = 0
		}
		if retry.Wait(ctx, next) != nil {
			return nil
		}
	}
}

// ownError is an error of Out or Save.
type ownError struct{ err error }

func (e ownError) Error() string { return e.err.Error() }

// Look collects what is new, to the last page.
func (c *Collector) Look(ctx context.Context) error {
	now := c.Now()
	if len(c.State.seen) == 0 {
		// The clock said where to begin. If it was ahead then and was set back, what
		// it jumped over is not to be waited for.
		c.State.Watermark = min(c.State.Watermark, now.UnixMilli())
	}
	start, wide := int64(0), now.Sub(c.swept) >= sweepEvery
	if c.State.Watermark > 0 {
		back := overlap
		if wide {
			back = sweep
		}
		start = max(0, c.State.Watermark-back.Milliseconds())
	}
	latest, settled := c.State.Watermark, now
	var token *string
	for {
		if err := c.limit.Wait(ctx); err != nil {
			return err
		}
		page, err := c.client.FilterLogEvents(ctx, c.request(start, token, 0))
		if err != nil {
			return err
		}
		var events []Event
		for _, e := range page.Events {
			stream := aws.ToString(e.LogStreamName)
			if !strings.HasPrefix(stream, c.Group.StreamPrefix) { // not every endpoint filters
				continue
			}
			id, at := aws.ToString(e.EventId), aws.ToInt64(e.Timestamp)
			latest = max(latest, min(at, now.UnixMilli())) // a clock that runs ahead must not carry the others away
			if !c.State.add(id, at) {
				continue
			}
			events = append(events, Event{id, stream, time.UnixMilli(at), aws.ToString(e.Message)})
		}
		if len(events) > 0 {
			if err := c.Out(events); err != nil {
				return ownError{err}
			}
		}
		// A page may be empty and still not be the last.
		if token = page.NextToken; token == nil || *token == "" {
			break
		}
		// The first look into a group may take hours. Pages come in the order of
		// time (API reference of FilterLogEvents), so what came is settled.
		if at := c.Now(); at.Sub(settled) >= every {
			settled = at
			if err := c.settle(latest); err != nil {
				return err
			}
		}
	}
	if wide {
		c.swept = now
	}
	return c.settle(latest)
}

// settle saves that all events up to a time, in milliseconds, are out, but for
// those that become visible late.
func (c *Collector) settle(latest int64) error {
	c.State.Watermark = latest
	c.State.pack()
	if err := c.Save(); err != nil {
		return ownError{err}
	}
	return nil
}

// request asks for events since start, in milliseconds.
func (c *Collector) request(start int64, token *string, limit int32) *cloudwatchlogs.FilterLogEventsInput {
	r := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String(c.Group.Name), StartTime: aws.Int64(start), NextToken: token}
	if c.Group.StreamPrefix != "" {
		r.LogStreamNamePrefix = aws.String(c.Group.StreamPrefix)
	}
	if c.Group.Pattern != "" {
		r.FilterPattern = aws.String(c.Group.Pattern)
	}
	if limit > 0 {
		r.Limit = aws.Int32(limit)
	}
	return r
}

// add notes an event and reports whether it is new.
func (s *State) add(id string, at int64) bool {
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // it never fails
	sum := h.Sum64()
	if _, old := s.seen[sum]; old {
		return false
	}
	s.seen[sum] = at / 1000
	return true
}

// entry is the size of a packed event: 8 bytes of hash, 4 of seconds.
const entry = 12

// pack writes down the events that another look could bring again, and forgets
// the others.
func (s *State) pack() {
	oldest := s.Watermark/1000 - int64((sweep + time.Minute).Seconds())
	out := make([]byte, 0, len(s.seen)*entry)
	for sum, at := range s.seen {
		if at < oldest {
			delete(s.seen, sum)
			continue
		}
		out = binary.BigEndian.AppendUint64(out, sum)
		out = binary.BigEndian.AppendUint32(out, uint32(at)) //nolint:gosec // seconds, until 2106
	}
	s.Seen = base64.StdEncoding.EncodeToString(out)
}

func (s *State) unpack() {
	s.seen = map[uint64]int64{}
	in, _ := base64.StdEncoding.DecodeString(s.Seen) // what is broken counts as not seen
	for ; len(in) >= entry; in = in[entry:] {
		s.seen[binary.BigEndian.Uint64(in)] = int64(binary.BigEndian.Uint32(in[8:]))
	}
}

// Parse reads an address cloudwatch://region/log-group.
func Parse(address string) (region, group string, err error) {
	rest, _ := strings.CutPrefix(address, "cloudwatch://")
	region, group, ok := strings.Cut(rest, "/")
	if !ok || region == "" || group == "" {
		return "", "", fmt.Errorf("source=%q is not valid; write the region and the log group, such as cloudwatch://eu-west-1//aws/eks/prod/cluster", address)
	}
	if strings.HasPrefix(group, "aws/") { // AWS's own groups all begin with a slash
		group = "/" + group
	}
	return region, group, nil
}
