package report

import (
	"maps"
	"slices"
	"time"

	"github.com/kubeanon/kubeanon/internal/judge"
)

// timeline counts findings by time and severity. It begins with seconds, and
// takes longer intervals when there are too many of them.
type timeline struct {
	step  int64                            // seconds
	slots map[int64]map[judge.Severity]int // by the number of the interval since 1970
}

// steps are the intervals that people read well, in seconds: each holds a whole
// number of the one before. Beyond the last it is doubled.
var steps = []int64{1, 5, 15, 60, 300, 900, 3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600}

func (t *timeline) add(at time.Time, severity judge.Severity) {
	if t.slots == nil {
		t.step, t.slots = steps[0], map[int64]map[judge.Severity]int{}
	}
	if t.slots[at.Unix()/t.step] == nil && len(t.slots) == maxSlots {
		t.widen()
	}
	slot := at.Unix() / t.step
	if t.slots[slot] == nil {
		t.slots[slot] = map[judge.Severity]int{}
	}
	t.slots[slot][severity]++
}

// widen goes to the next longer interval.
func (t *timeline) widen() {
	next := 2 * t.step
	if i := slices.Index(steps, t.step); i >= 0 && i+1 < len(steps) {
		next = steps[i+1]
	}
	old, factor := t.slots, next/t.step
	t.step, t.slots = next, map[int64]map[judge.Severity]int{}
	for slot, counts := range old {
		to := slot / factor
		if t.slots[to] == nil {
			t.slots[to] = counts
			continue
		}
		for severity, n := range counts {
			t.slots[to][severity] += n
		}
	}
}

// interval is one bar of the timeline.
type interval struct {
	from   time.Time
	counts map[judge.Severity]int
	total  int
}

// intervals are the bars of a timeline, n at most and without gaps, and how long
// each is.
func (t *timeline) intervals(n int) (all []interval, step time.Duration) {
	if len(t.slots) == 0 {
		return nil, 0
	}
	first, last := t.ends()
	for last-first >= int64(n) {
		t.widen()
		first, last = t.ends()
	}
	for slot := first; slot <= last; slot++ {
		bar := interval{from: time.Unix(slot*t.step, 0).UTC(), counts: t.slots[slot]}
		for _, count := range bar.counts {
			bar.total += count
		}
		all = append(all, bar)
	}
	return all, time.Duration(t.step) * time.Second
}

func (t *timeline) ends() (first, last int64) {
	slots := slices.Sorted(maps.Keys(t.slots))
	return slots[0], slots[len(slots)-1]
}
