package modinput

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"
)

// Log writes lines to splunkd's own log, through standard error: the first word
// is the level, a line is a record. The same text comes once in a while only,
// so that a fault that lasts does not fill the disk.
type Log struct {
	w   io.Writer
	now func() time.Time

	mu   sync.Mutex
	said map[string]repeated
}

// repeated is when a format was last written, and how often it was not since.
type repeated struct {
	at      time.Time
	skipped int
}

// quiet is how long the same kind of message is not written again.
const quiet = time.Minute

// NewLog returns a log to w.
func NewLog(w io.Writer) *Log {
	return &Log{w: w, now: time.Now, said: map[string]repeated{}}
}

// Info writes a record that asks for nothing. Every one is written.
func (l *Log) Info(format string, args ...any) { l.write("INFO", format, args, 0) }

// Warn writes a record about something that is odd; Error about something that
// needs a person. Each format is written once a minute.
func (l *Log) Warn(format string, args ...any) { l.write("WARN", format, args, quiet) }

// Error is as Warn.
func (l *Log) Error(format string, args ...any) { l.write("ERROR", format, args, quiet) }

func (l *Log) write(level, format string, args []any, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.said[format]
	if wait > 0 && !before.at.IsZero() && l.now().Sub(before.at) < wait {
		before.skipped++
		l.said[format] = before
		return
	}
	l.said[format] = repeated{at: l.now()}
	message := oneLine(fmt.Sprintf(format, args...))
	if before.skipped > 0 {
		message += fmt.Sprintf(" (and %d times more)", before.skipped)
	}
	fmt.Fprintf(l.w, "%s kubeanon: %s\n", level, message)
}

// oneLine makes one record of a text, which somebody else may have written a part
// of: nothing in it steers a terminal, breaks a line or turns its direction.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r == 0x7f:
			return ' '
		case !unicode.IsPrint(r):
			return '\ufffd'
		}
		return r
	}, strings.ToValidUTF8(text, "\ufffd"))
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "..."
	}
	return text
}
