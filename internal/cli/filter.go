package cli

import (
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// filter leaves out findings that nobody asked for. It counts them.
type filter struct {
	since, until time.Time // zero for no bound; until is the first moment that is out
	severities   []judge.Severity
	categories   []string
	clusters     []string
	given        []string // the flags that were set

	left atomic.Int64
}

func filterFlags() []cli.Flag {
	return under(flagsFilter,
		&cli.StringFlag{Name: "since", Usage: "only requests from `TIME` on: 2026-11-23, 2026-11-23T09:00:00Z, or an age such as 36h or 7d"},
		&cli.StringFlag{Name: "until", Usage: "only requests before `TIME`"},
		&cli.StringFlag{Name: "min-severity", Usage: "only findings of this `SEVERITY` and worse: " + oneOf(slices.Backward(judge.Severities()))},
		&cli.StringSliceFlag{Name: "category", Usage: "only findings of this `CATEGORY`; may be given several times (see kubeanon rules)"},
		&cli.StringSliceFlag{Name: "cluster", Usage: "only findings of the cluster `NAME`, as the wrapper of the event calls it; may be given several times"},
	)
}

// newFilter reads the flags; nil if none is set.
func newFilter(c *cli.Context, now time.Time) (*filter, error) {
	f := &filter{categories: c.StringSlice("category"), clusters: c.StringSlice("cluster")}
	var err error
	if f.since, err = moment(c, "since", now); err != nil {
		return nil, err
	}
	if f.until, err = moment(c, "until", now); err != nil {
		return nil, err
	}
	if !f.since.IsZero() && !f.until.IsZero() && !f.since.Before(f.until) {
		return nil, usagef("--since=%s is not before --until=%s", c.String("since"), c.String("until"))
	}
	if name := c.String("min-severity"); name != "" {
		i := slices.Index(judge.Severities(), judge.Severity(name))
		if i < 0 {
			return nil, usagef("--min-severity=%q is not valid; allowed: %s", name, oneOf(slices.Backward(judge.Severities())))
		}
		f.severities = judge.Severities()[:i+1]
	}
	var known []string
	for _, category := range judge.Categories() {
		known = append(known, category.Name)
	}
	for _, name := range f.categories {
		if !slices.Contains(known, name) {
			return nil, usagef("--category=%q is not valid; allowed: %s", name, strings.Join(known, ", "))
		}
	}
	if f.since.IsZero() && f.until.IsZero() && f.severities == nil && len(f.categories) == 0 && len(f.clusters) == 0 {
		return nil, nil
	}
	for _, flag := range filterFlags() {
		if name := flag.Names()[0]; c.IsSet(name) {
			f.given = append(f.given, "--"+name)
		}
	}
	return f, nil
}

// drops reports whether a finding is left out. It may be called at the same
// time by several goroutines. A finding whose time cannot be read stays in.
func (f *filter) drops(found *detect.Finding) bool {
	if f == nil || f.wants(found) {
		return false
	}
	f.left.Add(1)
	return true
}

func (f *filter) wants(found *detect.Finding) bool {
	v := &found.Verdict
	if f.severities != nil && !slices.Contains(f.severities, v.Severity) {
		return false
	}
	if len(f.categories) > 0 && (v.Category == nil || !slices.Contains(f.categories, v.Category.Name)) {
		return false
	}
	if len(f.clusters) > 0 && !slices.Contains(f.clusters, found.Cluster) {
		return false
	}
	if f.since.IsZero() && f.until.IsZero() {
		return true
	}
	at, err := time.Parse(time.RFC3339Nano, found.Event.RequestReceivedTimestamp)
	if err != nil {
		return true
	}
	return (f.since.IsZero() || !at.Before(f.since)) && (f.until.IsZero() || at.Before(f.until))
}

// moment reads a time: RFC 3339, a day or a day and time (in UTC), or an age in
// the form of Go's durations with days.
func moment(c *cli.Context, flag string, now time.Time) (time.Time, error) {
	text := c.String(flag)
	if text == "" {
		return time.Time{}, nil
	}
	if text == "now" {
		return now, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly, time.DateTime, "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	if age, err := time.ParseDuration(text); err == nil && age >= 0 {
		return now.Add(-age), nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n < 100_000 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	return time.Time{}, usagef("--%s=%q is not valid; write now, 2026-11-23, 2026-11-23T09:00:00Z, or an age such as 90m, 36h or 7d", flag, text)
}

func oneOf(all func(func(int, judge.Severity) bool)) string {
	var names []string
	for _, severity := range all {
		names = append(names, string(severity))
	}
	return strings.Join(names, ", ")
}
