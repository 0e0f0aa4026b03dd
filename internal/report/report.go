// Package report writes findings for people and programs: one file per format.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubeanon/kubeanon/internal/detect"
)

// Writer writes findings in one format. Close completes the output; it does
// not close what is written to.
type Writer interface {
	Write(f *detect.Finding) error
	Close() error
}

// RowWriter is a Writer whose rows can be made apart from each other, by several
// goroutines: Write(f) is WriteRows(Append(nil, f)).
type RowWriter interface {
	Writer
	Append(dst []byte, f *detect.Finding) []byte
	WriteRows(rows []byte) error
}

// Formats lists the names that New knows.
func Formats() []string {
	return []string{"table", "json", "ndjson", "csv", "markdown", "html", "sarif"}
}

// Options are choices that hold for every format.
type Options struct {
	Fill   string        // stands in an original field that is empty; nothing if it is empty itself
	Width  int           // columns of the terminal; 0 if it is none
	Color  bool          // colors for a terminal
	Top    int           // only so many, the worst ones: groups where they are grouped, else findings; 0 for all
	Source func() Source // asked at the end by formats that say it; may be nil
}

// New makes a writer of the named format.
func New(format string, w io.Writer, opts Options) (Writer, error) {
	switch format {
	case "table":
		return newOverview(w, opts, renderTable), nil
	case "markdown":
		return newOverview(w, opts, renderMarkdown), nil
	case "sarif":
		return newOverview(w, opts, renderSARIF), nil
	case "html":
		o := newOverview(w, opts, renderHTML)
		o.samples = true
		return o, nil
	case "json":
		return topOf(&array{w: w, opts: opts}, opts.Top), nil
	case "ndjson":
		return topOf(&lines{w: w, opts: opts}, opts.Top), nil
	case "csv":
		return topOf(newCSV(w, opts), opts.Top), nil
	}
	return nil, fmt.Errorf("--format=%q is not valid; allowed: %s", format, strings.Join(Formats(), ", "))
}

// Known reports whether New knows the format.
func Known(format string) bool { return slices.Contains(Formats(), format) }

// topOf keeps only the n worst findings; all of them if n is 0.
func topOf(w Writer, n int) Writer {
	if n == 0 {
		return w
	}
	return &worstFindings{Writer: w, n: n}
}

// worstFindings holds findings back until it is known which are the worst.
type worstFindings struct {
	Writer
	n    int
	kept []detect.Finding
}

func (t *worstFindings) Write(f *detect.Finding) error {
	event := *f.Event
	event.RequestObject, event.ResponseObject = nil, nil // not in any row
	kept := *f
	kept.Event = &event
	t.kept = append(t.kept, kept)
	if len(t.kept) >= 2*t.n {
		t.cut()
	}
	return nil
}

// cut drops all but the worst; of equal ones the first ones stay.
func (t *worstFindings) cut() {
	slices.SortStableFunc(t.kept, func(a, b detect.Finding) int { return b.Verdict.Score - a.Verdict.Score })
	t.kept = slices.Delete(t.kept, min(t.n, len(t.kept)), len(t.kept))
}

func (t *worstFindings) Close() error {
	t.cut()
	for i := range t.kept {
		if err := t.Writer.Write(&t.kept[i]); err != nil {
			return err
		}
	}
	return t.Writer.Close()
}
