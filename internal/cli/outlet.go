package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/options"
	"github.com/kubeanon/kubeanon/internal/report"
	"github.com/kubeanon/kubeanon/internal/scan"
)

// outlet is where the findings of a command go: through filters into a report,
// on standard output or in a file.
type outlet struct {
	filter *filter
	allow  *allowed
	writer report.Writer
	source report.Source // its counts are set before close

	out      *os.File
	toFile   bool
	buffered *bufio.Writer
	format   string
	explain  bool
	err      error // the first one of writing
}

// outletFlags are those of all commands that report findings.
func outletFlags() []cli.Flag {
	return append(under(flagsResult,
		&cli.StringFlag{Name: "format", Value: "table", Usage: "`FORMAT`: " + strings.Join(report.Formats(), ", ")},
		&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `FILE` instead of standard output"},
		&cli.IntFlag{Name: "top", Usage: "only the `N` worst: groups where they are grouped, else findings"},
		&cli.StringFlag{Name: "allowlist", Usage: "leave out what `FILE` names, in the form of the app's lookup kubeanon_allowlist.csv"},
		&cli.BoolFlag{Name: "explain-suppressed", Usage: "say at the end which entry of the allowlist left out how much"},
	), filterFlags()...)
}

// openOutlet reads the flags. It creates the file of --output last, when all
// else is known to be right.
func openOutlet(c *cli.Context, opts *options.Options, std stdio, title string) (o *outlet, err error) {
	o = &outlet{format: c.String("format"), explain: c.Bool("explain-suppressed"), out: std.Out}
	o.source = report.Source{Title: title, At: time.Now()}
	if err := report.Check(o.format); err != nil {
		return nil, usageError(err.Error())
	}
	if n := c.Int("top"); n < 0 || n == 0 && c.IsSet("top") {
		return nil, usagef("--top=%d is not valid; write a number from 1 on", n)
	}
	if o.filter, err = newFilter(c, o.source.At); err != nil {
		return nil, err
	}
	if o.allow, err = openAllowlist(c); err != nil {
		return nil, err
	}
	if name := c.String("output"); name != "" {
		o.toFile = true
		if o.out, err = os.Create(name); err != nil {
			return nil, usagef("--output: %v", err)
		}
	}
	o.buffered = bufio.NewWriterSize(o.out, 1<<16)
	ropts := report.Options{Fill: opts.Fill, Top: c.Int("top")}
	if terminal(o.out) {
		ropts.Width, _, _ = term.GetSize(int(o.out.Fd()))
		ropts.Color = os.Getenv("NO_COLOR") == ""
	}
	o.writer, err = report.New(o.format, o.buffered, ropts)
	return o, err
}

// Drops reports whether a finding is not to be written. It may be called by
// several goroutines at the same time.
func (o *outlet) Drops(f *detect.Finding) bool {
	return o.filter.drops(f) || o.allow != nil && o.allow.suppress(f)
}

// Add writes a finding. After an error it does nothing.
func (o *outlet) Add(f *detect.Finding) {
	if o.err == nil {
		o.err = o.writer.Write(f)
	}
}

// sink is the outlet for a scan, whose workers make the rows if the format has any.
func (o *outlet) sink() scan.Sink {
	if rows, ok := o.writer.(report.RowWriter); ok {
		return rowOutlet{o, rows}
	}
	return o
}

// rowOutlet is an outlet of rows.
type rowOutlet struct {
	*outlet
	rows report.RowWriter
}

func (o rowOutlet) AppendRow(dst []byte, f *detect.Finding) []byte { return o.rows.Append(dst, f) }

func (o rowOutlet) AddRows(rows []byte) {
	if o.err == nil {
		o.err = o.rows.WriteRows(rows)
	}
}

// close completes the report, and tells people what is not in it: how many texts
// could not be judged and why, and where the first of each stands, if that is known.
func (o *outlet) close(stderr io.Writer, reasons map[detect.Reason]int64, first map[detect.Reason]detect.Place) error {
	if o.filter != nil {
		o.source.LeftOut += o.filter.left.Load()
	}
	if o.allow != nil {
		o.source.LeftOut += int64(o.allow.total)
	}
	if o.err == nil {
		o.err = o.writer.Close(o.source)
	}
	if o.err == nil {
		o.err = o.buffered.Flush()
	}
	if o.toFile {
		if err := o.out.Close(); err != nil && o.err == nil {
			o.err = err
		}
	}
	for _, reason := range detect.Reasons() {
		if n := reasons[reason]; n > 0 {
			where := ""
			if place, ok := first[reason]; ok {
				where = fmt.Sprintf("; the first is %s", judge.Printable(place.String()))
			}
			note(stderr, "%d undecidable: %s%s", n, reason, where)
		}
	}
	if o.filter != nil {
		if n := o.filter.left.Load(); n > 0 {
			note(stderr, "%d findings left out by %s", n, strings.Join(o.filter.given, ", "))
		}
	}
	o.allow.report(stderr, o.explain)
	if o.err != nil {
		return fmt.Errorf("write: %w", o.err)
	}
	return nil
}
