package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/version"
)

// Source says where the findings came from, and what is not among them.
type Source struct {
	Title       string    // what was read, in a few words
	At          time.Time // when; the zero value if it does not matter
	Events      int64     // that were read
	Undecidable int64     // texts that could not be judged
	LeftOut     int64     // findings that filters or an allowlist left out
	Incomplete  string    // why not all was read; empty if it was
}

// key is what findings have in common that are shown as one.
type key struct {
	score                               int
	severity                            judge.Severity
	category, outcome, what, source, by string
	cluster                             string
}

// group is findings with the same key. The texts that clients wrote are fit for
// a page; the verdict is that of the first finding.
type group struct {
	key
	verdict                  judge.Verdict
	classProof, outcomeProof string
	place                    detect.Place // of the first finding
	count                    int
	first, last              string // requestReceivedTimestamp, the earliest and the latest
	agents                   []string
	moreAgents               bool
	samples                  []sample
}

// sample is one finding of a group.
type sample struct{ at, agent, addresses, code, auditID, place string }

// tally counts the findings of one address, category or binding.
type tally struct {
	name                string
	count, let, refused int
	score               int // the highest
	severity            judge.Severity
	remediation         string
	category            *judge.Category
}

// summary is what the formats for people are made of.
type summary struct {
	opts   Options
	source Source // where the findings came from, once all are there
	groups map[key]*group
	ranked []*group // the groups, the worst first, once all are there
	rest   int      // findings beyond maxGroups

	samples bool // findings are listed one by one, too
	listed  int

	total       int
	let         int
	severities  map[judge.Severity]int
	categories  map[string]*tally
	addresses   map[string]*tally
	bindings    map[judge.Binding]*tally
	first, last time.Time
	timeline    timeline
}

// overview is a Writer that collects a summary and renders it at the end.
type overview struct {
	w io.Writer
	summary
	render func(io.Writer, *summary) error
}

// overviewOf makes an overview; with samples, it lists findings one by one, too.
func overviewOf(render func(io.Writer, *summary) error, samples bool) func(io.Writer, Options) Writer {
	return func(w io.Writer, opts Options) Writer {
		return &overview{w: w, render: render, summary: summary{
			opts: opts, samples: samples, groups: map[key]*group{}, severities: map[judge.Severity]int{}, categories: map[string]*tally{},
			addresses: map[string]*tally{}, bindings: map[judge.Binding]*tally{},
		}}
	}
}

func (o *overview) Write(f *detect.Finding) error {
	o.add(f)
	return nil
}

func (o *overview) Close(source Source) error {
	// Names of files, and what a server said: somebody else chose them.
	source.Title, source.Incomplete = judge.Printable(source.Title), judge.Printable(source.Incomplete)
	o.source = source
	o.rank()
	return o.render(o.w, &o.summary)
}

func (s *summary) add(f *detect.Finding) {
	v := &f.Verdict
	s.total++
	s.severities[v.Severity]++
	if v.Outcome == judge.Allowed {
		s.let++
	}
	at, err := time.Parse(time.RFC3339Nano, f.Event.RequestReceivedTimestamp)
	if err == nil {
		at = at.UTC()
		if s.first.IsZero() || at.Before(s.first) {
			s.first = at
		}
		if at.After(s.last) {
			s.last = at
		}
		s.timeline.add(at, v.Severity)
	}
	k := key{
		score: v.Score, severity: v.Severity, outcome: string(v.Outcome),
		what: v.What, source: v.ThreatObject, cluster: judge.Clean(f.Cluster),
	}
	if v.Category != nil {
		k.category = v.Category.Name
		count(s.categories, k.category, k.category, v).category = v.Category
	}
	if v.Class != judge.Anonymous && k.category != string(v.Class) {
		k.category = strings.TrimSpace(k.category + " (" + string(v.Class) + ")")
	}
	if v.Binding.Name != "" && (v.Outcome == judge.Allowed || v.Class == judge.AnonymousAccessGranted) {
		k.by = judge.Clean(v.Binding.Name) + " > " + judge.Clean(v.Binding.Role)
		if t := count(s.bindings, v.Binding, k.by, v); t.remediation == "" {
			t.remediation = v.Remediation
		}
	}
	source := k.source
	if source == "" {
		source = "unknown"
	}
	count(s.addresses, source, source, v)
	g := s.groups[k]
	if g == nil {
		if len(s.groups) == maxGroups {
			s.rest++
			return
		}
		g = &group{key: k, verdict: *v, classProof: judge.ProveClass(f.Event, v.Class), outcomeProof: judge.ProveOutcome(f.Event), place: f.Place}
		s.groups[k] = g
	}
	g.add(s, f)
}

func (g *group) add(s *summary, f *detect.Finding) {
	ev := f.Event
	g.count++
	at := judge.Clean(ev.RequestReceivedTimestamp)
	if g.first == "" || at < g.first {
		g.first = at
	}
	g.last = max(g.last, at)
	agent := judge.Clean(ev.UserAgent)
	if !slices.Contains(g.agents, agent) {
		if len(g.agents) < maxAgents {
			g.agents = append(g.agents, agent)
		} else {
			g.moreAgents = true
		}
	}
	if s.samples && len(g.samples) < maxSamples && s.listed < maxListed {
		s.listed++
		g.samples = append(g.samples, sample{
			at: at, agent: agent, place: judge.Printable(f.Place.String()), auditID: judge.Clean(ev.AuditID), code: judge.Clean(ev.ResponseStatus.Code),
			addresses: judge.Clean(strings.Join(ev.SourceIPs[:min(len(ev.SourceIPs), 8)], " ")),
		})
	}
}

// count counts a finding under a name of a table; beyond maxGroups all that is
// new is counted as one.
func count[K comparable](table map[K]*tally, k K, name string, v *judge.Verdict) *tally {
	t := table[k]
	if t == nil {
		if len(table) >= maxGroups {
			var others K
			k, name = others, "others"
			t = table[k]
		}
		if t == nil {
			t = &tally{name: name}
			table[k] = t
		}
	}
	t.count++
	switch v.Outcome {
	case judge.Allowed:
		t.let++
	case judge.Denied:
		t.refused++
	}
	if t.severity == "" || v.Score > t.score {
		t.score, t.severity = v.Score, v.Severity
	}
	return t
}

// rank sorts the groups, the worst first.
func (s *summary) rank() {
	s.ranked = slices.SortedFunc(maps.Values(s.groups), func(a, b *group) int {
		return cmp.Or(
			cmp.Compare(b.score, a.score),
			cmp.Compare(b.count, a.count),
			cmp.Compare(a.category, b.category), cmp.Compare(a.what, b.what), cmp.Compare(a.source, b.source),
			cmp.Compare(a.outcome, b.outcome), cmp.Compare(a.by, b.by), cmp.Compare(a.cluster, b.cluster),
		)
	})
}

// shown are the worst groups, and how many more there are than Options.Top, or
// than most if that is not given. A most of 0 is no bound.
func (s *summary) shown(most int) (groups []*group, more int) {
	if s.opts.Top > 0 {
		most = s.opts.Top
	}
	if most > 0 && len(s.ranked) > most {
		return s.ranked[:most], len(s.ranked) - most
	}
	return s.ranked, 0
}

// worst are the tallies of a table, the worst first, n at most.
func worst[K comparable](table map[K]*tally, n int) []*tally {
	all := slices.SortedFunc(maps.Values(table), func(a, b *tally) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(b.let, a.let), cmp.Compare(b.count, a.count), cmp.Compare(a.name, b.name))
	})
	return all[:min(n, len(all))]
}

// clusters are the names of the clusters that any group has.
func (s *summary) clusters() []string {
	names := map[string]bool{}
	for k := range s.groups {
		if k.cluster != "" {
			names[k.cluster] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// headline is the whole report in a sentence, and what the worst finding says.
func (s *summary) headline() (sentence, message string) {
	sentence = s.count()
	if s.total == 0 {
		return sentence, ""
	}
	if worst := s.ranked[0]; worst.verdict.Message != "" {
		sentence += fmt.Sprintf(" The worst is %s:", worst.severity)
		message = worst.verdict.Message
	}
	return sentence, message
}

// remark is a line about a report: our words, and then foreign ones, such as a
// file's name; either may be empty.
type remark struct{ ours, foreign string }

func (r remark) String() string { return r.ours + r.foreign }

// count says how much was found in how much.
func (s *summary) count() string {
	in := ""
	if n := s.source.Events; n > 0 {
		in = " in " + plural(n, "event")
	}
	switch alarm := s.alarm(); {
	case s.total == 0 && alarm != "":
		return "Nothing was found" + in + ", but that does not mean that there is nothing."
	case s.total == 0:
		return "No anonymous requests" + in + "."
	}
	return fmt.Sprintf("%s%s, %s let in.", plural(int64(s.total), "anonymous request"), in, number(int64(s.let)))
}

// alarm says why a report must not be taken for all there is: not all was read, or
// nothing was found and something could not be judged. It is empty if it may be.
func (s *summary) alarm() string {
	switch n := s.source.Undecidable; {
	case s.source.Incomplete != "":
		return "This report is not complete: see the first line below."
	case s.total == 0 && n > 0:
		return plural(n, "text") + " could not be judged and may hide anonymous requests."
	}
	return ""
}

// period says from when the requests are that have a time.
func (s *summary) period() string {
	return "Requests from " + s.first.Format(time.DateTime) + " to " + s.last.Format(time.DateTime) + " UTC"
}

// about says what was read, and what is not in the report.
func (s *summary) about() (lines []remark) {
	source := s.source
	if source.Incomplete != "" {
		lines = append(lines, remark{"NOT COMPLETE: ", source.Incomplete})
	}
	if source.Title != "" {
		lines = append(lines, remark{"Read: ", source.Title})
	}
	if !s.first.IsZero() {
		lines = append(lines, remark{ours: s.period()})
	}
	if clusters := s.clusters(); len(clusters) > 0 {
		lines = append(lines, remark{"Clusters: ", strings.Join(clusters[:min(len(clusters), maxTop)], ", ")})
	}
	if n := source.Undecidable; n > 0 {
		lines = append(lines, remark{ours: plural(n, "text") + " could not be judged: cut, or no event; they may hide a request"})
	}
	if n := source.LeftOut; n > 0 {
		lines = append(lines, remark{ours: plural(n, "finding") + " left out by filters or the allowlist"})
	}
	made := "Made by kubeanon " + version.Version
	if !source.At.IsZero() {
		made += " on " + source.At.UTC().Format(time.DateTime) + " UTC"
	}
	return append(lines, remark{ours: made})
}

// plural is a count with its noun.
func plural(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return number(n) + " " + noun
}

// number writes a count with commas.
func number(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
