package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/kubeanon/kubeanon/internal/judge"
)

// tableColumn is one of the table.
type tableColumn struct {
	name              string
	least, most, goes int
}

// columns are those of the table, and how narrow each may become when the
// terminal is: 0 if it keeps its width. most is its width where there is room. An
// address of IPv4 stays whole. The columns with a turn to go are left out of a
// terminal in which even so not all have room, the one with 1 first.
var columns = []tableColumn{
	{"severity", 0, 0, 0}, {"risk", 0, 0, 2}, {"count", 0, 0, 0}, {"category", 14, 0, 1}, {"outcome", 0, 0, 0},
	{"request", 16, 60, 0}, {"from", 15, 0, 0}, {"let in by", 11, 50, 0},
}

// renderTable shows findings to people: repeats in one line with a count, the
// worst first, and all of it in a sentence at the end, where a terminal stops.
func renderTable(w io.Writer, s *summary) error {
	most := 0
	if s.opts.Width > 0 {
		most = maxScreen
	}
	groups, more := s.shown(most)
	if len(groups) == 0 {
		return nil
	}
	rows := [][]string{{}}
	for _, c := range columns {
		rows[0] = append(rows[0], c.name)
	}
	for _, g := range groups {
		rows = append(rows, []string{
			string(g.severity), fmt.Sprint(g.score), fmt.Sprint(g.count), g.category, g.outcome, g.what, g.source, g.by,
		})
	}
	widths := fit(rows, s.opts.Width)
	out := table.NewWriter()
	out.SetStyle(table.StyleLight)
	out.Style().Options.DrawBorder = false
	out.Style().Format.Header = text.FormatDefault
	for n, cells := range rows {
		var row table.Row
		for i, cell := range cells {
			if widths[i] == 0 {
				continue
			}
			cell = text.Snip(cell, widths[i], "…")
			if columns[i].name == "risk" || columns[i].name == "count" {
				cell = text.AlignRight.Apply(cell, widths[i])
			}
			if i == 0 && n > 0 && s.opts.Color {
				cell = colors[judge.Severity(cells[0])].Sprint(cell)
			}
			row = append(row, cell)
		}
		if n == 0 {
			out.AppendHeader(row)
		} else {
			out.AppendRow(row)
		}
	}
	var b strings.Builder
	b.WriteString(trimRight(out.Render()) + "\n")
	if more > 0 {
		fmt.Fprintf(&b, "and %d kinds of findings more, none of them worse; --top %d shows all\n", more, len(groups)+more)
	}
	if s.rest > 0 {
		fmt.Fprintf(&b, "and %d findings of other kinds; --format ndjson lists all\n", s.rest)
	}
	fmt.Fprintf(&b, "\n%s\n", s.count())
	if !s.first.IsZero() {
		fmt.Fprintln(&b, s.period())
	}
	if why := s.source.Incomplete; why != "" {
		fmt.Fprintf(&b, "NOT COMPLETE: %s\n", why)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// fit finds widths for the columns with which a line has room in a terminal, 0 for
// a column that is left out; with a terminal of 0 there is as much room as there
// has to be. The first row is the header.
func fit(rows [][]string, terminal int) []int {
	for turn := 0; ; turn++ {
		widths, total := widthsOf(rows, turn)
		for ; terminal > 0 && total > terminal; total-- {
			widest := -1
			for i, c := range columns {
				if c.least > 0 && widths[i] > c.least && (widest < 0 || widths[i] > widths[widest]) {
					widest = i
				}
			}
			if widest < 0 {
				break
			}
			widths[widest]--
		}
		last := !slices.ContainsFunc(columns, func(c tableColumn) bool { return c.goes > turn })
		if terminal == 0 || total <= terminal || last {
			return widths
		}
	}
}

// widthsOf are the widths that the columns want, without those whose turn to go
// has come, and that of a line.
func widthsOf(rows [][]string, turn int) (widths []int, total int) {
	widths = make([]int, len(columns))
	total = -1 // no bar behind the last one
	for i, c := range columns {
		if c.goes > 0 && c.goes <= turn {
			continue
		}
		for _, row := range rows {
			widths[i] = max(widths[i], text.StringWidth(row[i]))
		}
		if c.most > 0 {
			widths[i] = min(widths[i], c.most)
		}
		total += widths[i] + 3 // a blank on either side, and the bar
	}
	return widths, total
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
