package report

import (
	"io"
	"strconv"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/kubeanon/kubeanon/internal/detect"
)

// lines writes one JSON object a line. Empty fields are left out.
type lines struct {
	w    io.Writer
	opts Options
	buf  []byte
}

func (l *lines) Append(dst []byte, f *detect.Finding) []byte {
	return append(appendObject(dst, f, l.opts.Fill), '\n')
}

func (l *lines) WriteRows(rows []byte) error {
	_, err := l.w.Write(rows)
	return err
}

func (l *lines) Write(f *detect.Finding) error {
	l.buf = l.Append(l.buf[:0], f)
	return l.WriteRows(l.buf)
}

func (l *lines) Close(Source) error { return nil }

// array writes a JSON array of the same objects.
type array struct {
	w     io.Writer
	opts  Options
	buf   []byte
	begun bool
}

// Append begins with what stands between two elements; the first of all has an
// opening bracket instead.
func (a *array) Append(dst []byte, f *detect.Finding) []byte {
	return appendObject(append(dst, ",\n"...), f, a.opts.Fill)
}

func (a *array) WriteRows(rows []byte) error {
	if !a.begun {
		a.begun = true
		if _, err := io.WriteString(a.w, "["); err != nil {
			return err
		}
		rows = rows[1:]
	}
	_, err := a.w.Write(rows)
	return err
}

func (a *array) Write(f *detect.Finding) error {
	a.buf = a.Append(a.buf[:0], f)
	return a.WriteRows(a.buf)
}

func (a *array) Close(Source) error {
	end := "\n]\n"
	if !a.begun {
		end = "[]\n"
	}
	_, err := io.WriteString(a.w, end)
	return err
}

func appendObject(dst []byte, f *detect.Finding, fill string) []byte {
	dst = append(dst, '{')
	first := len(dst)
	for i := range detect.Fields {
		before := len(dst)
		if before > first {
			dst = append(dst, ',')
		}
		dst = append(dst, keys[i]...)
		empty := len(dst)
		if dst = appendValue(dst, &detect.Fields[i], f, fill); len(dst) == empty {
			dst = dst[:before]
		}
	}
	return append(dst, '}')
}

// keys are the names of detect.Fields as they stand in an object.
var keys = func() (keys []string) {
	for _, field := range detect.Fields {
		keys = append(keys, string(appendString(nil, field.Name))+":")
	}
	return keys
}()

// appendValue appends nothing for an empty field.
func appendValue(dst []byte, field *detect.Field, f *detect.Finding, fill string) []byte {
	if !field.Original {
		fill = ""
	}
	if field.Kind == detect.List {
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
	if field.Kind == detect.Number {
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
	for len(s) > 0 {
		n := 0
		for n < len(s) && simple[s[n]] {
			n++
		}
		dst, s = append(dst, s[:n]...), s[n:]
		if len(s) == 0 {
			break
		}
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r < ' ' || r <= 0xffff && r != utf8.RuneError && !unicode.IsGraphic(r):
			dst = append(dst, '\\', 'u', hex[r>>12], hex[r>>8&15], hex[r>>4&15], hex[r&15])
		case r > 0xffff && !unicode.IsGraphic(r): // such as tag characters, which hide a text
			for _, half := range utf16.AppendRune(nil, r) {
				dst = append(dst, '\\', 'u', hex[half>>12], hex[half>>8&15], hex[half>>4&15], hex[half&15])
			}
		default:
			dst = utf8.AppendRune(dst, r) // what is no UTF-8 comes as U+FFFD
		}
	}
	return append(dst, '"')
}

// simple marks the bytes that stand for themselves in a JSON string: printable
// ASCII, nearly all there is, goes by whole stretches.
var simple = func() (simple [256]bool) {
	for c := byte(' '); c < 0x7f; c++ {
		simple[c] = c != '"' && c != '\\'
	}
	return simple
}()
