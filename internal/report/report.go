// Package report writes findings for people and programs: one file per format.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubeanon/kubeanon/internal/detect"
)

// Writer writes findings in one format. Close completes the output, and says in
// formats with room for it where the findings came from; it does not close what
// is written to.
type Writer interface {
	Write(f *detect.Finding) error
	Close(source Source) error
}

// RowWriter is a Writer whose rows can be made apart from each other, by several
// goroutines: Write(f) is WriteRows(Append(nil, f)).
type RowWriter interface {
	Writer
	Append(dst []byte, f *detect.Finding) []byte
	WriteRows(rows []byte) error
}

// format is a name of --format and how its Writer is made.
type format struct {
	name string
	make func(w io.Writer, opts Options) Writer
}

// formats are all formats, the default first.
func formats() []format {
	return []format{
		{"table", overviewOf(renderTable, false)},
		{"json", rowsOf(func(w io.Writer, opts Options) Writer { return &array{w: w, opts: opts} })},
		{"ndjson", rowsOf(func(w io.Writer, opts Options) Writer { return &lines{w: w, opts: opts} })},
		{"csv", rowsOf(newCSV)},
		{"markdown", overviewOf(renderMarkdown, false)},
		{"html", overviewOf(renderHTML, true)},
		{"sarif", overviewOf(renderSARIF, false)},
	}
}

// rowsOf makes a Writer of one row a finding, of the worst ones with Options.Top.
func rowsOf(open func(io.Writer, Options) Writer) func(io.Writer, Options) Writer {
	return func(w io.Writer, opts Options) Writer { return topOf(open(w, opts), opts.Top) }
}

// Formats lists the names that New knows.
func Formats() (names []string) {
	for _, f := range formats() {
		names = append(names, f.name)
	}
	return names
}

// Check reports whether New knows a format; the error lists the known ones.
func Check(name string) error {
	if slices.Contains(Formats(), name) {
		return nil
	}
	return fmt.Errorf("--format=%q is not valid; allowed: %s", name, strings.Join(Formats(), ", "))
}

// Options are choices that hold for every format.
type Options struct {
	Fill  string // stands in an original field that is empty; nothing if it is empty itself
	Width int    // columns of the terminal; 0 if it is none
	Color bool   // colors for a terminal
	Top   int    // only so many, the worst ones: groups where they are grouped, else findings; 0 for all
}

// New makes a writer of the named format.
func New(name string, w io.Writer, opts Options) (Writer, error) {
	for _, f := range formats() {
		if f.name == name {
			return f.make(w, opts), nil
		}
	}
	return nil, Check(name)
}

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

func (t *worstFindings) Close(source Source) error {
	t.cut()
	for i := range t.kept {
		if err := t.Writer.Write(&t.kept[i]); err != nil {
			return err
		}
	}
	return t.Writer.Close(source)
}
