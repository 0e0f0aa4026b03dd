// Package demo shows the search command at work without Splunk: it starts the
// binary's own search face, plays splunkd to it and prints what comes back.
package demo

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/kubeanon/kubeanon/internal/splunk/splunkd"
)

// events is a selection of testdata/audit: what a real kube-apiserver 1.36
// wrote while it was probed, misconfigured and abused without credentials.
//
//go:embed events.ndjson
var events string

// SeedOptions are the options with which kubeanon gives what the original
// search set out to give.
const SeedOptions = "input=raw match=strict risk=flat src_ip=all"

// chunkRows is how many events go into one request. splunkd sends up to
// 50,000; a few chunks show that there may be several.
const chunkRows = 40

// columns are what splunkd sends of the rows.
var columns = []string{"_time", "_raw", "source", "sourcetype"}

// Run plays the demo with the program at path, which is called as argv0, and
// writes to w, in lines of about width columns.
func Run(ctx context.Context, w io.Writer, path, argv0 string, width int) error {
	input := rows()
	fmt.Fprintf(w, "%d audit events of a real API server, sent to `kubeanon search` as splunkd sends them.\n\n", len(input))

	fmt.Fprintf(w, "$ `kube_audit` | kubeanon\n\n")
	found, err := splunkd.Search(ctx, path, argv0, "", columns, input, chunkRows)
	if err != nil {
		return err
	}
	slices.SortStableFunc(found, func(a, b splunkd.Row) int { return number(b, "risk_score") - number(a, "risk_score") })
	if err := printTable(w, width, found, []string{"severity", "risk_score", "category", "outcome", "verb", "requestURI", "src_ip", "rbac_binding"}); err != nil {
		return err
	}
	allowed := 0
	for _, row := range found {
		if one(row, "outcome") == "allowed" && number(row, "risk_score") >= 50 {
			allowed++
		}
	}
	fmt.Fprintf(w, "\n%d anonymous requests; %d of them were let in and are a breach. The worst:\n  %s\n", len(found), allowed, one(found[0], "risk_message"))

	fmt.Fprintf(w, "\n$ `kube_audit` | `kubeanon_seed`\n  the original search's table (strict, flat risk 25, all addresses), which that search itself leaves empty\n\n")
	seed, err := splunkd.Search(ctx, path, argv0, SeedOptions, columns, input, chunkRows)
	if err != nil {
		return err
	}
	if err := printTable(w, width, Stats(seed), []string{"src_ip", "user", "verb", "requestURI", "responseStatus.code", "objectRef.resource", "user.uid", "count"}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `
What to do next
  kubeanon scan FILE...      the same judgement on your own logs
  kubeanon scan --help       options, formats, exit codes
  In Splunk                  install the package, point the macro kube_audit at your events, and run
                             `+"`kube_audit` | kubeanon"+` | table _time severity risk_score risk_message
`)
	return err
}

// rows are the bundled events as rows of Splunk.
func rows() (input []splunkd.Row) {
	for line := range strings.Lines(events) {
		line = strings.TrimSpace(line)
		var event struct{ RequestReceivedTimestamp time.Time }
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			panic("BUG: a bundled event is no JSON: " + err.Error())
		}
		input = append(input, splunkd.Row{
			"_time":      {fmt.Sprintf("%d.%06d", event.RequestReceivedTimestamp.Unix(), event.RequestReceivedTimestamp.Nanosecond()/1000)},
			"_raw":       {line},
			"source":     {"kubernetes"},
			"sourcetype": {"kube:audit"},
		})
	}
	return input
}

// printTable writes some columns of rows as a table.
func printTable(w io.Writer, width int, rows []splunkd.Row, columns []string) error {
	out := table.NewWriter()
	out.SetStyle(table.StyleLight)
	out.Style().Options.DrawBorder = false
	out.Style().Format.Header = text.FormatDefault
	out.Style().Size.WidthMax = width
	header := table.Row{}
	for _, c := range columns {
		header = append(header, c)
	}
	out.AppendHeader(header)
	for _, row := range rows {
		cells := table.Row{}
		for _, c := range columns {
			cells = append(cells, text.Trim(strings.ToValidUTF8(strings.Map(printable, strings.Join(row[c], " ")), "?"), 44))
		}
		out.AppendRow(cells)
	}
	_, err := fmt.Fprintln(w, out.Render())
	return err
}

// printable keeps control characters off the terminal.
func printable(r rune) rune {
	if strconv.IsPrint(r) {
		return r
	}
	return '?'
}

func one(row splunkd.Row, column string) string {
	if len(row[column]) == 0 {
		return ""
	}
	return row[column][0]
}

func number(row splunkd.Row, column string) int {
	n, _ := strconv.Atoi(one(row, column)) // absent counts as 0
	return n
}
