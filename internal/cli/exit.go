package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"syscall"

	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/options"
	"github.com/kubeanon/kubeanon/internal/splunk/chunk"
	"github.com/kubeanon/kubeanon/internal/splunk/search"
)

// The exit codes of all commands. Of several errors the highest code counts.
const (
	exitNothing    = 0 // nothing found
	exitFound      = 1 // found; for splunkd, a search or an input that failed
	exitUsage      = 2 // a mistake on the command line
	exitUnreadable = 3 // some input could not be read
	exitInternal   = 4 // the result could not be written, or an internal error
)

// exitHelp explains the exit codes in the help and the manual page.
const exitHelp = `0  nothing found, and all that names anonymous was judged
1  found: anonymous requests, a failed check of doctor, a case that differs
2  usage: a mistake on the command line
3  some input could not be read, a file holds no audit event, or nothing was
   found and something could not be judged; the rest is still reported
4  the result could not be written or sent, or an internal error
Of several codes the highest counts.`

// foundError says that a command found what it looks for. Its text is empty
// where the report says everything.
type foundError string

func (e foundError) Error() string { return string(e) }

// errFound says that anonymous requests were found.
const errFound = foundError("")

// usageError is a mistake on the command line, in one line.
type usageError string

func (e usageError) Error() string { return string(e) }

func usagef(format string, args ...any) error { return usageError(fmt.Sprintf(format, args...)) }

// unreadableError says that input could not be read or judged.
type unreadableError struct{ err error }

func (e unreadableError) Error() string { return e.err.Error() }
func (e unreadableError) Unwrap() error { return e.err }

// toldError is an error that was reported to splunkd already.
type toldError struct{ err error }

func (e toldError) Error() string { return e.err.Error() }
func (e toldError) Unwrap() error { return e.err }

// exitCode turns the error of a command into the exit code, and prints it. It
// is the only place that does either.
func exitCode(err error, stderr io.Writer) int {
	code, silent := classify(err)
	if !silent {
		note(stderr, "%s", err)
	}
	return code
}

// classify returns the exit code of an error, and whether there is nothing to
// print. An error of no known type is an internal one.
func classify(err error) (code int, silent bool) {
	switch e := err.(type) { //nolint:errorlint // wrapped and joined errors are taken apart here
	case nil:
		return exitNothing, true
	case foundError:
		return exitFound, e == errFound
	case *search.RefusedError, toldError: // splunkd has the message
		return exitFound, true
	case *chunk.Error: // splunkd broke off; it was told, as far as it listened
		return exitFound, false
	case usageError, *options.Error:
		return exitUsage, false
	case unreadableError:
		return exitUnreadable, false
	case *fs.PathError:
		// Whoever read the output has seen enough, as head does. A connection that
		// breaks has another type.
		if errors.Is(e.Err, syscall.EPIPE) {
			return exitNothing, true
		}
	case interface{ Unwrap() []error }:
		silent = true
		for _, part := range e.Unwrap() {
			c, s := classify(part)
			code, silent = max(code, c), silent && s
		}
		return code, silent
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return classify(inner)
		}
	}
	return exitInternal, false
}

// note prints a text for people, each of its lines as one of kubeanon's.
func note(stderr io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintln(stderr, prefixed(fmt.Sprintf(format, args...))) // there is nowhere else to report to
}

// prefixed puts the name of the program before each line, and takes out what
// steers a terminal: a part of the text may be what a server answered, or the
// name of a file that somebody else has chosen.
func prefixed(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = "kubeanon: " + judge.Printable(strings.ReplaceAll(lines[i], "\t", " "))
	}
	return strings.Join(lines, "\n")
}
