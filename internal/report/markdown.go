package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/kubeanon/kubeanon/internal/judge"
)

// renderMarkdown writes a report for a ticket or a pull request, in GitHub's
// flavour. What clients wrote stands in code spans, where no markup, link or
// HTML is read.
func renderMarkdown(w io.Writer, s *summary) error {
	var b strings.Builder
	b.WriteString("# Anonymous requests to the Kubernetes API\n\n")
	sentence, message := s.headline()
	fmt.Fprintf(&b, "%s\n\n", strings.TrimSpace(sentence+" "+code(message)))
	if alarm := s.alarm(); alarm != "" {
		fmt.Fprintf(&b, "> **Warning:** %s\n\n", alarm)
	}
	for _, line := range s.about() {
		fmt.Fprintf(&b, "- %s\n", line.ours+code(judge.Printable(line.foreign)))
	}
	if s.total == 0 {
		_, err := io.WriteString(w, b.String())
		return err
	}
	b.WriteString("\n| severity | findings |\n|---|---:|\n")
	for _, severity := range judge.Severities() {
		if n := s.severities[severity]; n > 0 {
			fmt.Fprintf(&b, "| %s | %d |\n", severity, n)
		}
	}
	if len(s.bindings) > 0 {
		b.WriteString("\n## What lets them in\n")
		for _, t := range worst(s.bindings, maxTop) {
			fmt.Fprintf(&b, "\n%s let in %d of %d, up to %s (%d)\n", code(t.name), t.let, t.count, t.severity, t.score)
			if t.remediation != "" {
				fmt.Fprintf(&b, "\n%s\n", block(t.remediation))
			}
		}
	}
	b.WriteString("\n## Findings\n\n| severity | risk | count | category | outcome | request | from | let in by | first | last |\n|---|---:|---:|---|---|---|---|---|---|---|\n")
	groups, more := s.shown(maxPage)
	for _, g := range groups {
		fmt.Fprintf(&b, "| %s | %d | %d | %s | %s | %s | %s | %s | %s | %s |\n",
			g.severity, g.score, g.count, g.category, g.outcome, cell(g.what), cell(g.source), cell(g.by), cell(g.first), cell(g.last))
	}
	if n := more + s.rest; n > 0 {
		fmt.Fprintf(&b, "\nand %d kinds more; --top N shows more\n", n)
	}
	b.WriteString("\n## Addresses\n\n| address | requests | let in | denied | worst |\n|---|---:|---:|---:|---|\n")
	for _, t := range worst(s.addresses, maxTop) {
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %s (%d) |\n", cell(t.name), t.count, t.let, t.refused, t.severity, t.score)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// cell is a code span in a cell of a table, where the bar is special nevertheless.
//
// A backslash before a bar would make two, which some readers take for a backslash
// and the end of the cell; so something stands between them.
func cell(s string) string {
	s = strings.ReplaceAll(s, `\|`, "\\\uFFFD|")
	return strings.ReplaceAll(code(s), "|", `\|`)
}

// code is a code span of text without line breaks. It is fenced with more
// backticks than stand in it in a row (CommonMark 6.1).
func code(s string) string {
	if s == "" {
		return ""
	}
	mark := fence(s, 1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return mark + s + mark
}

// block is a code block.
func block(s string) string {
	mark := fence(s, 3)
	return mark + "\n" + s + "\n" + mark
}

// fence is a row of at least n backticks, longer than any in s.
func fence(s string, n int) string {
	for strings.Contains(s, strings.Repeat("`", n)) {
		n++
	}
	return strings.Repeat("`", n)
}
