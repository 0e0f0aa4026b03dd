// Package command is the search command: rows of Splunk in, findings out. It
// joins the two wings: what splunkd sends (package rows) and what a text means
// (package detect).
package command

import (
	"fmt"
	"io"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/options"
	"github.com/kubeanon/kubeanon/internal/splunk/rows"
	"github.com/kubeanon/kubeanon/internal/splunk/search"
)

const (
	rawColumn   = "_raw"
	errorColumn = "kubeanon_error" // with emit=all: why a row is undecidable
)

// Command answers the requests of one search. The zero value is ready.
type Command struct {
	Local bool // run on the search head only

	opts     options.Options
	detector *detect.Detector
	layout   layout
	columns  columns
	event    audit.Event // built of columns

	undecidable map[detect.Reason]int
	problems    rows.Problems
}

// Getinfo reads the options of the search and tells splunkd what the command
// is and which fields it needs: exactly those.
func (c *Command) Getinfo(info search.Getinfo) (search.Info, error) {
	opts, err := options.Parse(info.Args)
	if err != nil {
		return search.Info{}, err
	}
	c.opts = opts
	c.detector = detect.New(opts.Policy, opts.All)
	c.undecidable = map[detect.Reason]int{}
	reply := search.Info{Type: "streaming"}
	if c.Local {
		reply.Type = "stateful"
	}
	if opts.Input != options.Raw {
		reply.RequiredFields = columnNames()
	}
	if opts.Input != options.Columns {
		// The last, for rows.Row.LastQuoted.
		reply.RequiredFields = append(reply.RequiredFields, rawColumn)
	}
	return reply, nil
}

// Execute answers one request. What could not be decided is reported once, in
// the last reply.
func (c *Command) Execute(in *rows.Reader, out *rows.Writer, finished bool) ([]search.Message, error) {
	header, err := in.Header()
	if err != nil {
		return nil, err
	}
	c.layout.plan(header, &c.opts)
	c.columns.plan(header)
	out.Reset(c.layout.out)
	for {
		row, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if !c.skip(row) {
			c.row(row, out)
		}
	}
	c.problems.Add(in.Problems())
	if !finished {
		return nil, nil
	}
	return c.messages(), nil
}

// skip reports whether a row can be passed over, if possible without splitting
// it: it names nobody anonymous anywhere, and its raw text is not cut.
func (c *Command) skip(row *rows.Row) bool {
	if c.layout.raw < 0 { // there is no raw text to be cut
		return c.detector.CanSkip(nil, true) && !audit.Candidate(row.Bytes())
	}
	if before, raw, ok := row.LastQuoted(c.layout.raw); ok {
		return c.detector.CanSkip(raw, true) && !audit.Candidate(before)
	}
	raw := row.Cell(c.layout.raw)
	switch {
	case len(raw) >= 2 && raw[0] == '"':
		raw = raw[1 : len(raw)-1]
	case len(raw) > 0:
		return false // not as splunkd writes it
	}
	return c.detector.CanSkip(raw, true) && !audit.Candidate(row.Bytes())
}

// row judges one row and writes what comes of it.
func (c *Command) row(row *rows.Row, out *rows.Writer) {
	emit := func(f *detect.Finding) { c.layout.write(out, row, f) }
	events, reason := 0, detect.Decided
	if raw := c.layout.raw; raw >= 0 {
		events, reason = c.detector.Text(row.Value(raw), emit)
	}
	unread := events == 0 || reason == detect.Identity && !c.opts.All // no event, or none that says who asked
	if unread && c.opts.Input != options.Raw {
		switch {
		case c.columns.read(row, &c.event):
			events, reason = 1, detect.Decided
			f := detect.Finding{Event: &c.event, Format: formatColumns}
			if c.detector.Event(&f) {
				emit(&f)
			}
		case reason == detect.Decided && audit.Candidate(row.Bytes()):
			reason = detect.NoEvent
		}
	}
	if reason != detect.Decided {
		c.undecidable[reason]++
	}
	if events == 0 && c.opts.All {
		c.layout.pass(out, row, judge.Unknown, reason)
	}
}

// messages tells the user what the rows do not show.
func (c *Command) messages() (messages []search.Message) {
	warn := func(format string, args ...any) {
		messages = append(messages, search.Message{Level: search.Warn, Text: fmt.Sprintf("kubeanon: "+format, args...)})
	}
	for _, reason := range detect.Reasons() {
		if n := c.undecidable[reason]; n > 0 {
			warn("undecidable rows: %d (%s); emit=all shows them with %s", n, reason, errorColumn)
		}
	}
	if p := c.problems; p.Short+p.Long > 0 {
		warn("rows with fewer or more cells than columns: %d", p.Short+p.Long)
	}
	if n := c.problems.DuplicateColumns; n > 0 {
		warn("columns that came twice: %d; the first of each was read", n)
	}
	return messages
}
