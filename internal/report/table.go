package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/kubeanon/kubeanon/internal/judge"
)

// columns are those of the table, and how narrow each may become when the
// terminal is: 0 if it keeps its width. most is its width where there is room.
var columns = []struct {
	name        string
	least, most int
}{
	{"severity", 0, 0}, {"risk", 0, 0}, {"count", 0, 0}, {"category", 14, 0}, {"outcome", 0, 0},
	{"request", 20, 60}, {"from", 11, 0}, {"let in by", 12, 50},
}

// renderTable shows findings to people: repeats in one line with a count, the
// worst first.
func renderTable(w io.Writer, s *summary) error {
	groups, more := s.sorted()
	if len(groups) == 0 {
		return nil
	}
	out := table.NewWriter()
	out.SetStyle(table.StyleLight)
	out.Style().Options.DrawBorder = false
	out.Style().Format.Header = text.FormatDefault
	var header table.Row
	for _, c := range columns {
		header = append(header, c.name)
	}
	var rows [][]string
	for _, g := range groups {
		rows = append(rows, []string{
			string(g.severity), fmt.Sprint(g.score), fmt.Sprint(g.count), g.category, g.outcome, g.what, g.source, g.by,
		})
	}
	widths := fit(rows, s.opts.Width)
	out.AppendHeader(header)
	for _, cells := range rows {
		var row table.Row
		for i, cell := range cells {
			row = append(row, text.Snip(cell, widths[i], "…"))
		}
		if s.opts.Color {
			row[0] = colors[judge.Severity(cells[0])].Sprint(row[0])
		}
		out.AppendRow(row)
	}
	right := []table.ColumnConfig{{Number: 2, Align: text.AlignRight}, {Number: 3, Align: text.AlignRight}}
	out.SetColumnConfigs(right)
	if _, err := fmt.Fprintln(w, trimRight(out.Render())); err != nil {
		return err
	}
	if more > 0 {
		if _, err := fmt.Fprintf(w, "and %d kinds of findings more, none of them worse; without --top all are shown\n", more); err != nil {
			return err
		}
	}
	if s.rest > 0 {
		_, err := fmt.Fprintf(w, "and %d findings of other kinds; --format ndjson lists all\n", s.rest)
		return err
	}
	return nil
}

// fit finds widths for the columns with which a line has room in a terminal;
// with a width of 0 there is as much room as there has to be.
func fit(rows [][]string, width int) []int {
	widths := make([]int, len(columns))
	total := 0
	for i, c := range columns {
		widths[i] = len(c.name)
		for _, row := range rows {
			widths[i] = max(widths[i], text.StringWidth(row[i]))
		}
		if c.most > 0 {
			widths[i] = min(widths[i], c.most)
		}
		total += widths[i] + 3 // a blank on either side, and the bar
	}
	for ; width > 0 && total > width; total-- {
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
	return widths
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
