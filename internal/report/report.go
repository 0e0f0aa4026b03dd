// Package report writes findings for people and programs: one file per format.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubeanon/kubeanon/internal/finding"
)

// Writer writes findings in one format. Close completes the output; it does
// not close what is written to.
type Writer interface {
	Write(f *finding.Finding) error
	Close() error
}

// RowWriter is a Writer whose rows can be made apart from each other, by several
// goroutines: Write(f) is WriteRows(Append(nil, f)).
type RowWriter interface {
	Writer
	Append(dst []byte, f *finding.Finding) []byte
	WriteRows(rows []byte) error
}

// Formats lists the names that New knows.
func Formats() []string { return []string{"table", "json", "ndjson", "csv"} }

// Options are choices that hold for every format.
type Options struct {
	Fill  string // stands in an original field that is empty; nothing if it is empty itself
	Width int    // columns of the terminal; 0 if it is none
	Color bool   // colors for a terminal
}

// New makes a writer of the named format.
func New(format string, w io.Writer, opts Options) (Writer, error) {
	switch format {
	case "table":
		return &tableWriter{w: w, opts: opts, groups: map[group]*entry{}}, nil
	case "json":
		return &array{w: w, opts: opts}, nil
	case "ndjson":
		return &lines{w: w, opts: opts}, nil
	case "csv":
		return newCSV(w, opts), nil
	}
	return nil, fmt.Errorf("kubeanon: --format=%q is not valid; allowed: %s", format, strings.Join(Formats(), ", "))
}

// Known reports whether New knows the format.
func Known(format string) bool { return slices.Contains(Formats(), format) }
