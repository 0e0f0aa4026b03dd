package report

import (
	"encoding/csv"
	"io"
	"regexp"
	"strings"

	"github.com/kubeanon/kubeanon/internal/detect"
)

// sheet writes CSV for spreadsheets and for Splunk's lookups: a header, then
// one row a finding. Values of a multivalue stand in one cell, a line each. What
// a spreadsheet would take for a formula has an apostrophe before it: user agents
// and URIs are written by attackers.
type sheet struct {
	w     *csv.Writer
	opts  Options
	begun bool
	row   []string
}

func newCSV(w io.Writer, opts Options) Writer { return &sheet{w: csv.NewWriter(w), opts: opts} }

func (s *sheet) header() error {
	if s.begun {
		return nil
	}
	s.begun = true
	s.row = s.row[:0]
	for i := range detect.Fields {
		s.row = append(s.row, detect.Fields[i].Name)
	}
	return s.w.Write(s.row)
}

func (s *sheet) Write(f *detect.Finding) error {
	if err := s.header(); err != nil {
		return err
	}
	s.row = s.row[:0]
	for i := range detect.Fields {
		field := &detect.Fields[i]
		var cell string
		if field.Kind == detect.List {
			cell = strings.Join(field.List(f), "\n")
		} else {
			cell = field.Text(f)
		}
		if cell == "" && field.Original {
			cell = s.opts.Fill
		}
		s.row = append(s.row, defuse(cell))
	}
	return s.w.Write(s.row)
}

// formula finds where a spreadsheet would begin to compute: at the beginning of a
// cell; and, where it takes the semicolon or the tab for the separator, as
// Excel does by the language of its user, behind one of them or at a line's
// beginning. There our quotes are text, too. Some take the wide forms of the signs.
var formula = regexp.MustCompile(`(^|[;\t\r\n])([\s"']*)([=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}])`)

// defuse keeps spreadsheets from computing a cell (CWE-1236).
func defuse(cell string) string {
	if !strings.ContainsAny(cell, "=+-@\uff1d\uff0b\uff0d\uff20\t\r") {
		return cell
	}
	if cell[0] == '\t' || cell[0] == '\r' {
		cell = "'" + cell
	}
	return formula.ReplaceAllString(cell, "$1$2'$3")
}

func (s *sheet) Close(Source) error {
	if err := s.header(); err != nil {
		return err
	}
	s.w.Flush()
	return s.w.Error()
}
