package report

import (
	"io"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/kubeanon/kubeanon/internal/finding"
)

// lines writes one JSON object a line. Empty fields are left out.
type lines struct {
	w    io.Writer
	opts Options
	buf  []byte
}

func (l *lines) Write(f *finding.Finding) error {
	l.buf = append(appendObject(l.buf[:0], f, l.opts.Fill), '\n')
	_, err := l.w.Write(l.buf)
	return err
}

func (l *lines) Close() error { return nil }

// array writes a JSON array of the same objects.
type array struct {
	lines
	begun bool
}

func (a *array) Write(f *finding.Finding) error {
	sep := "[\n"
	if a.begun {
		sep = ",\n"
	}
	a.begun = true
	a.buf = appendObject(append(a.buf[:0], sep...), f, a.opts.Fill)
	_, err := a.w.Write(a.buf)
	return err
}

func (a *array) Close() error {
	end := "\n]\n"
	if !a.begun {
		end = "[]\n"
	}
	_, err := io.WriteString(a.w, end)
	return err
}

func appendObject(dst []byte, f *finding.Finding, fill string) []byte {
	dst = append(dst, '{')
	first := true
	for i := range finding.Fields {
		field := &finding.Fields[i]
		var value []byte
		at := len(dst)
		if !first {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, field.Name), ':')
		before := len(dst)
		dst = appendValue(dst, field, f, fill)
		if value = dst[before:]; len(value) == 0 {
			dst = dst[:at]
			continue
		}
		first = false
	}
	return append(dst, '}')
}

// appendValue appends nothing for an empty field.
func appendValue(dst []byte, field *finding.Field, f *finding.Finding, fill string) []byte {
	if !field.Original {
		fill = ""
	}
	if field.Kind == finding.List {
		values := field.List(f)
		switch {
		case len(values) == 0 && fill == "":
			return dst
		case len(values) == 0:
			return appendString(dst, fill)
		case field.Name == "src_ip" && len(values) == 1: // one address, unless the whole chain was asked for
			return appendString(dst, values[0])
		}
		dst = append(dst, '[')
		for i, v := range values {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendString(dst, v)
		}
		return append(dst, ']')
	}
	text := field.Text(f)
	if text == "" {
		text = fill
	}
	if text == "" {
		return dst
	}
	if field.Kind == finding.Number {
		if n, err := strconv.Atoi(text); err == nil {
			return strconv.AppendInt(dst, int64(n), 10)
		}
	}
	return appendString(dst, text)
}

// appendString appends s as a JSON string that is safe on a terminal: beside
// what JSON demands it escapes DEL, the C1 controls and invisible formatting
// characters, which encoding/json leaves as they are. The text stays verbatim.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r < ' ' || r <= 0xffff && r != utf8.RuneError && !unicode.IsGraphic(r):
			dst = append(dst, '\\', 'u', hex[r>>12], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r) // what is no UTF-8 comes as U+FFFD
		}
	}
	return append(dst, '"')
}
