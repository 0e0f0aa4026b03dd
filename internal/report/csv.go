package report

import (
	"encoding/csv"
	"io"
	"strings"

	"github.com/kubeanon/kubeanon/internal/finding"
)

// sheet writes CSV for spreadsheets and for Splunk's lookups: a header, then
// one row a finding. Values of a multivalue stand in one cell, a line each. A
// cell that a spreadsheet would take for a formula begins with an apostrophe:
// user agents and URIs are written by attackers.
type sheet struct {
	w     *csv.Writer
	opts  Options
	begun bool
	row   []string
}

func newCSV(w io.Writer, opts Options) *sheet { return &sheet{w: csv.NewWriter(w), opts: opts} }

func (s *sheet) header() error {
	if s.begun {
		return nil
	}
	s.begun = true
	s.row = s.row[:0]
	for i := range finding.Fields {
		s.row = append(s.row, finding.Fields[i].Name)
	}
	return s.w.Write(s.row)
}

func (s *sheet) Write(f *finding.Finding) error {
	if err := s.header(); err != nil {
		return err
	}
	s.row = s.row[:0]
	for i := range finding.Fields {
		field := &finding.Fields[i]
		var cell string
		if field.Kind == finding.List {
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

// defuse keeps spreadsheets from computing a cell (CWE-1236).
func defuse(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}

func (s *sheet) Close() error {
	if err := s.header(); err != nil {
		return err
	}
	s.w.Flush()
	return s.w.Error()
}
