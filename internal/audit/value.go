package audit

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// The functions of this file cut JSON text into pieces without checking it:
// brackets and strings only. They also take a text that ends too early, and
// say so. What a piece holds is the decoder's business.

// End returns the length of the JSON value, an object or an array, that text
// starts with, and whether it is closed.
func End(text []byte) (n int, closed bool) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			j := stringEnd(text[i+1:])
			if j < 0 {
				return len(text), false
			}
			i += j
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth <= 0 {
				return i + 1, true
			}
		}
	}
	return len(text), false
}

// Depth returns how many brackets text opens more than it closes, outside of
// strings.
func Depth(text []byte) (depth int) {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			n := stringEnd(text[i+1:])
			if n < 0 {
				return depth
			}
			i += n
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
	}
	return depth
}

// StringEnd returns the length of the JSON string that text starts with, -1 if it
// is not closed.
func StringEnd(text []byte) int {
	n := stringEnd(text[1:])
	if n < 0 {
		return n
	}
	return n + 1
}

// stringEnd returns the length of the rest of a string with its closing quote,
// -1 if there is none.
func stringEnd(text []byte) int {
	for i := 0; ; {
		j := bytes.IndexByte(text[i:], '"')
		if j < 0 {
			return -1
		}
		i += j + 1
		if backslashes(text[:i-1])%2 == 0 {
			return i
		}
	}
}

// Members calls f for each member of the object that text starts with, until
// it returns false. The value is a view of text, as it stands; of a text that
// is cut, the last one is what there is of it.
func Members(text []byte, f func(name string, value []byte) bool) {
	rest, ok := bytes.CutPrefix(trim(text), []byte("{"))
	if !ok {
		return
	}
	for {
		rest = trim(rest)
		if len(rest) == 0 || rest[0] != '"' {
			return
		}
		n := valueEnd(rest)
		name := Unquote(rest[:n])
		rest, ok = bytes.CutPrefix(trim(rest[n:]), []byte(":"))
		if !ok {
			return
		}
		rest = trim(rest)
		n = valueEnd(rest)
		if n == 0 || !f(string(name), rest[:n]) {
			return
		}
		if rest, ok = bytes.CutPrefix(trim(rest[n:]), []byte(",")); !ok {
			return
		}
	}
}

// Elements calls f for each element of the array that text starts with, until
// it returns false, in the way of Members.
func Elements(text []byte, f func(value []byte) bool) {
	rest, ok := bytes.CutPrefix(trim(text), []byte("["))
	for ok {
		rest = trim(rest)
		n := valueEnd(rest)
		if n == 0 || !f(rest[:n]) {
			return
		}
		rest, ok = bytes.CutPrefix(trim(rest[n:]), []byte(","))
	}
}

// Unquote is the content of a JSON string. What is no string comes back as it
// is; of one that is cut it is what there is. Without escapes it is a view.
func Unquote(value []byte) []byte {
	if len(value) == 0 || value[0] != '"' {
		return value
	}
	value = value[1:]
	if n := stringEnd(value); n >= 0 {
		value = value[:n-1]
	}
	if bytes.IndexByte(value, '\\') < 0 {
		return value
	}
	out, _ := unescape(make([]byte, 0, len(value)), value)
	return out
}

// unescape appends the content of a JSON string, given without its quotes, and
// reports whether all escapes of it are known. Half an escape at the end is
// left out.
func unescape(dst, value []byte) (out []byte, known bool) {
	known = true
	for {
		i := bytes.IndexByte(value, '\\')
		if i < 0 {
			return append(dst, value...), known
		}
		dst = append(dst, value[:i]...)
		if i+1 == len(value) {
			return dst, false
		}
		c := value[i+1]
		value = value[i+2:]
		switch c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, ok := hex4(value)
			if !ok {
				return dst, false
			}
			value = value[4:]
			if utf16.IsSurrogate(r) {
				low, ok := hex4(bytes.TrimPrefix(value, []byte(`\u`)))
				if both := utf16.DecodeRune(r, low); ok && bytes.HasPrefix(value, []byte(`\u`)) && both != utf8.RuneError {
					r, value = both, value[6:]
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			known = known && (c == '"' || c == '\\' || c == '/')
			dst = append(dst, c)
		}
	}
}

func hex4(text []byte) (r rune, ok bool) {
	if len(text) < 4 {
		return 0, false
	}
	for _, c := range text[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// valueEnd is the length of the value that text starts with.
func valueEnd(text []byte) int {
	if len(text) == 0 {
		return 0
	}
	switch text[0] {
	case '{', '[':
		n, _ := End(text)
		return n
	case '"':
		if n := stringEnd(text[1:]); n >= 0 {
			return n + 1
		}
		return len(text)
	}
	if n := bytes.IndexAny(text, ",]} \t\r\n"); n >= 0 {
		return n
	}
	return len(text)
}

func trim(text []byte) []byte { return bytes.TrimLeft(text, " \t\r\n") }
