package envelope

import (
	"bytes"
	"unicode/utf16"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// The functions of this file read lines of text that hold JSON: behind a prefix
// of a container runtime, syslog or some program, in a cell of a CSV export, or
// escaped in a string.

// docker is a line of Docker's json-file log driver, or of a forwarder that
// keeps its keys: the line is in log.
func docker(u *Unwrapper, o object, at place) bool {
	if !o.has("log") {
		return false
	}
	u.wrap(o.get("log"), at)
	return true
}

// message is a line as log forwarders keep it.
func message(u *Unwrapper, o object, at place) bool {
	for _, name := range []string{"message", "structured", "raw"} {
		if o.has(name) {
			u.wrap(o.get(name), at)
			return true
		}
	}
	return false
}

// clean is text without what editors, shells and log rotation put around it:
// byte order marks, blanks, and runs of NUL where a file was truncated under its
// writer. UTF-16 becomes UTF-8.
func clean(text []byte) []byte {
	if len(text) > 1 {
		switch {
		case text[0] == 0xff && text[1] == 0xfe:
			text = fromUTF16(text[2:], 0)
		case text[0] == 0xfe && text[1] == 0xff:
			text = fromUTF16(text[2:], 1)
		}
	}
	return bytes.Trim(bytes.TrimPrefix(bytes.TrimLeft(text, " \t\r\n\x00"), []byte("\xef\xbb\xbf")), " \t\r\n\x00")
}

// fromUTF16 decodes UTF-16 whose lower byte is at the given place of two.
func fromUTF16(text []byte, low int) []byte {
	units := make([]uint16, len(text)/2)
	for i := range units {
		units[i] = uint16(text[2*i+low]) | uint16(text[2*i+1-low])<<8
	}
	return []byte(string(utf16.Decode(units)))
}

// begins reports whether text begins as an object with a name does, or as an
// array that can hold events, or is cut behind its first bracket.
func begins(text []byte) bool {
	if len(text) == 0 || text[0] != '{' && text[0] != '[' {
		return false
	}
	rest := bytes.TrimLeft(text[1:], " \t\r\n")
	if len(rest) == 0 || rest[0] == '"' {
		// Of a CSV cell the quotes are doubled.
		return len(rest) < 3 || rest[1] != '"' || rest[2] == ':' || rest[2] == ',' || rest[2] == ']' || rest[2] <= ' '
	}
	if text[0] == '{' {
		return rest[0] == '}'
	}
	return rest[0] == '{' || rest[0] == '[' || rest[0] == ']'
}

// endsString reports whether a string ends its line.
func endsString(rest []byte) bool {
	rest = bytes.TrimLeft(rest, ", \t\r")
	return len(rest) == 0 || rest[0] == '\n'
}

// line unwraps a line that does not begin as JSON, with the JSON in it, which may
// go over more lines, and returns its length.
func (u *Unwrapper) line(text []byte, at place) int {
	end := bytes.IndexByte(text, '\n')
	if end < 0 {
		end = len(text)
	}
	for i := range end {
		if text[i] != '{' {
			continue
		}
		rest := text[i+1:]
		switch {
		case begins(text[i:]):
			n, closed := audit.End(text[i:])
			u.value(text[i:i+n], closed, at.in(prefix(text[:i])))
			return i + n
		case bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(`""`)):
			return u.cells(text, at)
		case bytes.HasPrefix(rest, []byte(`\`)):
			return u.escaped(text[:end], i, at)
		}
	}
	if from, to := audit.FindPacked(text[:end]); from >= 0 {
		u.decode(text[from:to], at.in(prefix(text[:from])))
	}
	return end
}

// prefix names what is in front of JSON: a container runtime's (CRI) line,
// "2026-11-20T08:15:30.1Z stdout F {...}"; an export of CloudWatch to S3, a time
// and a blank; a syslog header.
//
// Text of the log of some program may hold JSON too (klog does); whether it is
// an event its own marks say.
func prefix(head []byte) string {
	before := bytes.Fields(head[:min(len(head), maxPrefix)])
	switch {
	case len(before) >= 3 && isTime(before[0]) && (string(before[1]) == "stdout" || string(before[1]) == "stderr"):
		return "cri"
	case len(before) == 1 && isTime(before[0]):
		return "s3export"
	case len(head) > 0 && head[0] == '<':
		return "syslog"
	}
	return "line"
}

// isTime reports whether a word begins as an RFC 3339 time does.
func isTime(word []byte) bool {
	const form = "0000-00-00T00:00:00"
	if len(word) < len(form) {
		return false
	}
	for i := range len(form) {
		c := word[i]
		if digit := c >= '0' && c <= '9'; digit != (form[i] == '0') || !digit && c != form[i] {
			return false
		}
	}
	return true
}

// cells unwraps the cells of a row of CSV (RFC 4180, and with tabs or semicolons
// between them), which may go over more lines, and returns its length.
func (u *Unwrapper) cells(text []byte, at place) int {
	at = at.in("csv")
	for i := 0; i < len(text); {
		if text[i] == '"' {
			cell, n := unquoteCell(text[i:])
			if u.grow(len(cell)) && bytes.IndexByte(cell, '{') >= 0 {
				u.text(cell, at)
			}
			i += n
		}
		n := bytes.IndexAny(text[i:], ",;\t\n")
		if n < 0 {
			break
		}
		i += n + 1
		if text[i-1] == '\n' {
			return i
		}
	}
	return len(text)
}

// unquoteCell is the content of a quoted cell, and its length with its quotes.
func unquoteCell(text []byte) (content []byte, n int) {
	for n = 1; n < len(text); n++ {
		if text[n] == '"' {
			if n+1 == len(text) || text[n+1] != '"' {
				return content, n + 1
			}
			n++
		}
		content = append(content, text[n])
	}
	return content, n
}

// escaped unwraps a line with JSON whose quotes are escaped, from brace on: in a
// string of it, as logfmt has, or bare.
func (u *Unwrapper) escaped(line []byte, brace int, at place) int {
	at = at.in(prefix(line[:brace]))
	for i := 0; i < brace; i++ {
		if line[i] != '"' {
			continue
		}
		n := audit.StringEnd(line[i:])
		if n < 0 {
			n = len(line) - i
		}
		if i+n > brace {
			u.carried(line[i:i+n], at)
			return i + n
		}
		i += n - 1
	}
	bare := append([]byte{'"'}, line[brace:]...)
	if n := audit.StringEnd(bare); n > 0 {
		u.carried(bare[:n], at)
		return brace + n - 2
	}
	u.carried(bare, at)
	return len(line)
}
