package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/options"
	"github.com/kubeanon/kubeanon/internal/splunk/search"
)

// The exit codes of the command line.
const (
	exitNothing    = 0 // nothing found
	exitFound      = 1 // anonymous requests found; for the search command, the search failed
	exitUsage      = 2 // a bad option or argument
	exitUnreadable = 3 // some input could not be read
)

// errFound says that a scan found something. It is no failure and has no text
// to print.
var errFound = errors.New("anonymous requests found")

// usageError is a mistake on the command line, in one line.
type usageError string

func (e usageError) Error() string { return string(e) }

// unreadableError says that input could not be read.
type unreadableError struct{ err error }

func (e unreadableError) Error() string { return e.err.Error() }
func (e unreadableError) Unwrap() error { return e.err }

// toldError is an error that was told to splunkd already.
type toldError struct{ err error }

func (e toldError) Error() string { return e.err.Error() }
func (e toldError) Unwrap() error { return e.err }

// exitCode turns the error of a command into the exit code, and prints it. It
// is the only place that does either.
func exitCode(err error, stderr io.Writer) int {
	var (
		usage      usageError
		option     *options.Error
		unreadable unreadableError
		refused    *search.RefusedError
		told       toldError
	)
	switch {
	case err == nil:
		return exitNothing
	case errors.Is(err, errFound):
		return exitFound
	case errors.Is(err, syscall.EPIPE):
		// Whoever read the output has seen enough, as head does.
		return exitNothing
	case errors.As(err, &refused), errors.As(err, &told):
		return exitFound // splunkd has the message already
	case errors.As(err, &usage), errors.As(err, &option):
		fmt.Fprintln(stderr, printable(err))
		return exitUsage
	case errors.As(err, &unreadable):
		fmt.Fprintln(stderr, printable(err))
		return exitUnreadable
	}
	fmt.Fprintln(stderr, printable(err))
	return exitFound
}

// printable is the text of an error, line by line. A part of it may be what a
// server answered, or the name of a file that somebody else has chosen.
func printable(err error) string {
	lines := strings.Split(err.Error(), "\n")
	for i := range lines {
		lines[i] = judge.Printable(strings.ReplaceAll(lines[i], "\t", " "))
	}
	return strings.Join(lines, "\n")
}
