package audit

import jsoniter "github.com/json-iterator/go"

// cursor walks through JSON text. It cuts strings and objects itself, without
// a copy; json-iterator checks what is passed over.
//
// Each of its methods reports whether the text went on as JSON has to; if not,
// the walk is over.
type cursor struct {
	text      []byte
	at        int
	iter      *jsoniter.Iterator
	unescaped []byte // the last string with escapes
	skipped   []byte // what was last passed over: json-iterator tells no length
}

// peek is the next byte that is no white space, 0 at the end.
func (c *cursor) peek() byte {
	for c.at < len(c.text) {
		switch b := c.text[c.at]; b {
		case ' ', '\t', '\r', '\n':
			c.at++
		default:
			return b
		}
	}
	return 0
}

// take moves behind b if that is the next byte.
func (c *cursor) take(b byte) bool {
	if c.peek() != b {
		return false
	}
	c.at++
	return true
}

// object walks through an object and calls member behind each name. The name is
// valid until member moves on.
func (c *cursor) object(member func(name []byte) bool) bool {
	if !c.take('{') {
		return false
	}
	if c.take('}') {
		return true
	}
	for {
		name, ok := c.string()
		if !ok || !c.take(':') || !member(name) {
			return false
		}
		if !c.take(',') {
			return c.take('}')
		}
	}
}

// array walks through an array and calls element before each.
func (c *cursor) array(element func() bool) bool {
	if !c.take('[') {
		return false
	}
	if c.take(']') {
		return true
	}
	for {
		if !element() {
			return false
		}
		if !c.take(',') {
			return c.take(']')
		}
	}
}

// string reads a string: a view of the text, or if it holds escapes of a scratch.
// It is valid until the next call.
func (c *cursor) string() (content []byte, ok bool) {
	if !c.take('"') {
		return nil, false
	}
	rest := c.text[c.at:]
	n := 0
	for n < len(rest) && verbatim[rest[n]] {
		n++
	}
	switch {
	case n == len(rest) || rest[n] < ' ': // the end, or a control character
		return nil, false
	case rest[n] == '"':
		c.at += n + 1
		return rest[:n], true
	}
	n = stringEnd(rest)
	if n < 0 {
		return nil, false
	}
	c.at += n
	c.unescaped, ok = unescape(c.unescaped[:0], rest[:n-1])
	return c.unescaped, ok
}

// verbatim marks the bytes that stand for themselves in a JSON string.
var verbatim = func() (verbatim [256]bool) {
	for i := range verbatim {
		verbatim[i] = i >= ' ' && i != '"' && i != '\\'
	}
	return verbatim
}()

// skip passes over a value of any kind.
func (c *cursor) skip() bool {
	if c.peek() == '"' {
		_, ok := c.string()
		return ok
	}
	c.iter.ResetBytes(c.text[c.at:])
	c.iter.Error = nil
	c.skipped = c.iter.SkipAndAppendBytes(c.skipped[:0])
	c.at += len(c.skipped)
	return c.iter.Error == nil
}
