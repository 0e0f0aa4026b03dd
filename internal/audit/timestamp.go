package audit

import "strings"

// timestampKey is the member that Timestamp reads. The API server writes it
// near the end of an event, after the request and response objects.
const timestampKey = "requestReceivedTimestamp"

// Timestamp returns the requestReceivedTimestamp of the event in text, exactly
// as Decode reads it, and empty where Decode returns an error or reads none. It
// reads an event as the API server writes it without copying anything, and
// gives every other text to the decoder, which it uses like Decode does.
func (d *Decoder) Timestamp(text []byte) string {
	if from, to, ok := timestamp(text); ok {
		return string(text[from:to])
	}
	ev, err := d.Decode(text)
	if err != nil {
		return ""
	}
	return ev.RequestReceivedTimestamp
}

// timestamp finds the content of the timestamp in text. It is ok only for a
// text whose decoding holds no surprise: an event that begins as the API server
// begins it, that is valid JSON to its end, and that has each of the members
// that decide about it once and in one spelling. Clients write much of an event,
// but only into strings and nested objects, which are passed over as a whole.
func timestamp(text []byte) (from, to int, ok bool) {
	if !Plain(text) {
		return 0, 0, false
	}
	w := walker{text: text, at: 1}
	var kinds, versions, stamps int
	for {
		name, read := w.name()
		if !read || !w.take(':') {
			return 0, 0, false
		}
		switch name := text[name.from:name.to]; {
		case string(name) == timestampKey:
			var value span
			value, read = w.name()
			from, to = value.from, value.to
			stamps++
		case string(name) == "kind":
			read = w.value(0)
			kinds++
		case string(name) == "apiVersion":
			read = w.value(0)
			versions++
		default:
			read = !respelled(name) && w.value(0)
		}
		if !read {
			return 0, 0, false
		}
		if !w.take(',') {
			break
		}
	}
	whole := w.take('}') && w.peek() == 0 && w.at == len(text)
	return from, to, whole && kinds == 1 && versions == 1 && stamps <= 1
}

// respelled reports whether name, which is not one of the members that decide,
// is one in another letter case. Bytes beyond ASCII, some of which fold to ASCII
// letters, do not get here.
func respelled(name []byte) bool {
	for _, key := range [...]string{"kind", "apiVersion", timestampKey} {
		if len(name) == len(key) && strings.EqualFold(string(name), key) {
			return true
		}
	}
	return false
}

// walker passes over JSON that is valid beyond doubt, and copies nothing. What
// parsers read in different ways it does not take: a number that is no short
// integer, or deep nesting.
type walker struct {
	text []byte
	at   int
}

func (w *walker) peek() byte {
	for w.at < len(w.text) {
		switch b := w.text[w.at]; b {
		case ' ', '\t', '\r', '\n':
			w.at++
		default:
			return b
		}
	}
	return 0
}

func (w *walker) take(b byte) bool {
	if w.peek() != b {
		return false
	}
	w.at++
	return true
}

// name reads a string of ASCII without escapes, such as a name.
func (w *walker) name() (content span, plain bool) {
	if !w.take('"') {
		return span{}, false
	}
	from := w.at
	for w.at < len(w.text) && verbatim[w.text[w.at]] && w.text[w.at] < 0x80 {
		w.at++
	}
	content = span{from, w.at}
	if w.at == len(w.text) || w.text[w.at] != '"' {
		return span{}, false
	}
	w.at++
	return content, true
}

// value passes over a value that is depth brackets deep.
func (w *walker) value(depth int) bool {
	switch b := w.peek(); {
	case b == '"':
		return w.string()
	case b == '{' && depth < maxWalk:
		return w.object(depth + 1)
	case b == '[' && depth < maxWalk:
		return w.array(depth + 1)
	case b == '-' || b >= '0' && b <= '9':
		return w.integer()
	case b == 't':
		return w.literal("true")
	case b == 'f':
		return w.literal("false")
	case b == 'n':
		return w.literal("null")
	}
	return false
}

func (w *walker) object(depth int) bool {
	w.at++
	if w.take('}') {
		return true
	}
	for {
		if w.peek() != '"' || !w.string() || !w.take(':') || !w.value(depth) {
			return false
		}
		if !w.take(',') {
			return w.take('}')
		}
	}
}

func (w *walker) array(depth int) bool {
	w.at++
	if w.take(']') {
		return true
	}
	for {
		if !w.value(depth) {
			return false
		}
		if !w.take(',') {
			return w.take(']')
		}
	}
}

// string passes over a string, whose escapes have to be those of RFC 8259.
func (w *walker) string() bool {
	w.at++
	text := w.text
	for i := w.at; i < len(text); i++ {
		b := text[i]
		switch {
		case verbatim[b]:
		case b == '"':
			w.at = i + 1
			return true
		case b == '\\' && i+1 < len(text):
			i++
			switch text[i] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				if _, ok := hex4(text[i+1:]); !ok {
					return false
				}
				i += 4
			default:
				return false
			}
		default:
			return false
		}
	}
	return false
}

// integer passes over a number of at most maxDigits digits.
func (w *walker) integer() bool {
	if w.text[w.at] == '-' {
		w.at++
	}
	from := w.at
	for w.at < len(w.text) && w.text[w.at] >= '0' && w.text[w.at] <= '9' {
		w.at++
	}
	n := w.at - from
	if n == 0 || n > maxDigits || n > 1 && w.text[from] == '0' || w.at == len(w.text) {
		return false
	}
	switch w.text[w.at] {
	case ',', '}', ']', ' ', '\t', '\r', '\n':
		return true
	}
	return false
}

func (w *walker) literal(text string) bool {
	if len(w.text)-w.at < len(text) || string(w.text[w.at:w.at+len(text)]) != text {
		return false
	}
	w.at += len(text)
	return true
}
