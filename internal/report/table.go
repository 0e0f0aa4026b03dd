package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/kubeanon/kubeanon/internal/finding"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// maxGroups bounds the memory of a table. Who has more kinds of findings than
// this reads no table.
const maxGroups = 10_000

// group is what findings have in common that stand in one line of the table.
type group struct {
	score                               int
	severity                            judge.Severity
	category, outcome, what, source, by string
}

type entry struct {
	count       int
	first, last string // requestReceivedTimestamp
}

// tableWriter shows findings to people: repeats in one line with a count, the
// worst first.
type tableWriter struct {
	w      io.Writer
	opts   Options
	groups map[group]*entry
	rest   int // findings beyond maxGroups
}

func (t *tableWriter) Write(f *finding.Finding) error {
	v := &f.Verdict
	g := group{
		score: v.Score, severity: v.Severity, outcome: string(v.Outcome),
		what: v.What, source: v.ThreatObject,
	}
	if v.Category != nil {
		g.category = v.Category.Name
	}
	if v.Class != judge.Anonymous && g.category != string(v.Class) {
		g.category = strings.TrimSpace(g.category + " (" + string(v.Class) + ")")
	}
	if v.Outcome == judge.Allowed && v.Binding.Name != "" {
		g.by = v.Binding.Name + " > " + v.Binding.Role
	}
	e := t.groups[g]
	if e == nil {
		if len(t.groups) == maxGroups {
			t.rest++
			return nil
		}
		e = &entry{first: f.Event.RequestReceivedTimestamp}
		t.groups[g] = e
	}
	e.count++
	e.last = f.Event.RequestReceivedTimestamp
	return nil
}

func (t *tableWriter) Close() error {
	if len(t.groups) == 0 {
		return nil
	}
	order := slices.SortedFunc(maps.Keys(t.groups), func(a, b group) int {
		return cmp.Or(
			cmp.Compare(b.score, a.score),
			cmp.Compare(t.groups[b].count, t.groups[a].count),
			cmp.Compare(a.category, b.category), cmp.Compare(a.what, b.what), cmp.Compare(a.source, b.source),
			cmp.Compare(a.outcome, b.outcome), cmp.Compare(a.by, b.by),
		)
	})
	out := table.NewWriter()
	out.SetStyle(table.StyleLight)
	out.Style().Options.DrawBorder = false
	out.Style().Format.Header = text.FormatDefault
	if t.opts.Width > 0 {
		out.Style().Size.WidthMax = t.opts.Width
	}
	out.AppendHeader(table.Row{"severity", "risk", "count", "category", "outcome", "request", "from", "let in by"})
	for _, g := range order {
		severity := string(g.severity)
		if t.opts.Color {
			severity = colors[g.severity].Sprint(severity)
		}
		out.AppendRow(table.Row{severity, g.score, t.groups[g].count, g.category, g.outcome, text.Trim(g.what, 60), g.source, text.Trim(g.by, 50)})
	}
	if _, err := fmt.Fprintln(t.w, trimRight(out.Render())); err != nil {
		return err
	}
	if t.rest > 0 {
		_, err := fmt.Fprintf(t.w, "and %d findings of other kinds; --format ndjson lists all\n", t.rest)
		return err
	}
	return nil
}

// trimRight takes the blanks off the ends of lines.
func trimRight(s string) string {
	all := strings.Split(s, "\n")
	for i := range all {
		all[i] = strings.TrimRight(all[i], " ")
	}
	return strings.Join(all, "\n")
}

var colors = map[judge.Severity]text.Colors{
	judge.Critical: {text.FgHiWhite, text.BgRed},
	judge.High:     {text.FgRed},
	judge.Medium:   {text.FgYellow},
	judge.Low:      {text.FgCyan},
	judge.Info:     {text.Faint},
}
