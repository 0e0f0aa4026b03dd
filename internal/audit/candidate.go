package audit

import "bytes"

// Candidate reports whether text may hold an anonymous identity, and so is
// worth a parse. It may say yes in vain, it never says no in vain: it looks
// for the two names, and for any \u escape that can spell a letter of them.
//
// It takes raw JSON as well as JSON in a quoted CSV cell, where quotes are
// doubled, and JSON inside JSON strings, where backslashes are doubled:
// neither touches the names.
func Candidate(text []byte) bool {
	// No byte of the names is rare in JSON but "y" of "anonymous" and "h" of
	// "unauthenticated". Going from one of these to the next by
	// bytes.IndexByte is three times as fast as bytes.Index for the name.
	if hop(text, Anonymous, 'y') || hop(text, Unauthenticated, 'h') {
		return true
	}
	escaped, _ := escapes(text)
	return escaped
}

// Dull reports whether text needs no parse at all: it is no Candidate, and it
// ends as a JSON value ends, outside of every string and with a bracket. A
// text that names nobody but ends in the middle may have been cut before the
// identity, which only a parse can tell.
//
// In a wrapper, where events stand in strings, each of those has to end as a
// JSON value ends, too (AKS cuts them at 16 KiB); and one that may hold packed
// text, which cannot show a name, is not dull.
//
// With doubled, text is the inside of a quoted CSV cell.
func Dull(text []byte, doubled bool) bool {
	text = bytes.TrimRight(text, " \t\r\n")
	if len(text) == 0 {
		return true
	}
	if last := text[len(text)-1]; last != '}' && last != ']' {
		return false
	}
	if hop(text, Anonymous, 'y') || hop(text, Unauthenticated, 'h') {
		return false
	}
	if !bytes.HasPrefix(text, plainHead) && !bytes.HasPrefix(text, plainHeadDoubled) && (packed(text) || !stringsClosed(text, doubled)) {
		return false
	}
	escaped, escapedQuotes := escapes(text)
	quotes := bytes.Count(text, []byte{'"'})
	if doubled {
		quotes /= 2
	}
	return !escaped && (quotes-escapedQuotes)%2 == 0
}

// hop reports whether text holds name, whose first b after the colon is at a
// fixed place, by going from one b to the next.
func hop(text []byte, name string, b byte) bool {
	const colon = len("system:")
	at := colon
	for name[at] != b {
		at++
	}
	for from := at; from < len(text); from++ {
		i := bytes.IndexByte(text[from:], b)
		if i < 0 {
			return false
		}
		from += i
		if found := text[from-at:]; found[colon-1] == ':' && len(found) >= len(name) && string(found[:len(name)]) == name {
			return true
		}
	}
	return false
}

// escapes reports whether text holds a JSON escape of a lower case letter or
// of the colon, the only characters of the names: \u0061 to \u007a and \u003a
// (the usual escapes of a Go encoder, \u0026, \u003c and \u003e, are none),
// and how many escaped quotes there are before that.
func escapes(text []byte) (letter bool, quotes int) {
	const size = len(`\u0061`)
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 || i+1 == len(text) {
			return false, quotes
		}
		text = text[i:]
		switch text[1] {
		case '"':
			quotes++
		case '\\':
			// JSON in a string doubles the backslash of an escape: \\u0061.
			if len(text) > size && spells(text[1:]) {
				return true, quotes
			}
		case 'u':
			if len(text) >= size && spells(text) {
				return true, quotes
			}
		}
		text = text[2:]
	}
}

// spells reports whether text, a backslash and more, is an escape of a letter
// or the colon.
func spells(text []byte) bool {
	if text[1] != 'u' || text[2] != '0' || text[3] != '0' {
		return false
	}
	return text[4] == '6' || text[4] == '7' || text[4] == '3' && (text[5] == 'a' || text[5] == 'A')
}

// packed reports whether text holds a string that may be base64 of JSON or of
// gzip: one that begins as these do.
func packed(text []byte) bool {
	// {"x and { " are eyJ and eyA, { and a line break or tab ewo, ew0, ewk, [{ is W3s.
	return begins(text, 'H', "H4sI") || begins(text, 'y', "eyJ", "eyA") || begins(text, 'w', "ewo", "ew0", "ewk") || begins(text, 'W', "W3s")
}

// How an event begins that the API server wrote: no wrapper, and it holds
// nothing packed that matters.
var (
	plainHead        = []byte(`{"kind":"Event","apiVersion":"audit.k8s.io/`)
	plainHeadDoubled = bytes.ReplaceAll(plainHead, []byte(`"`), []byte(`""`))
)

// begins reports whether a string in text begins with one of heads, by going
// from one b to the next; b is at the same place in all of them.
func begins(text []byte, b byte, heads ...string) bool {
	at := bytes.IndexByte([]byte(heads[0]), b)
	for from := at + 1; from < len(text); from++ {
		i := bytes.IndexByte(text[from:], b)
		if i < 0 {
			return false
		}
		from += i
		if text[from-at-1] != '"' {
			continue
		}
		for _, head := range heads {
			if bytes.HasPrefix(text[from-at:], []byte(head)) {
				return true
			}
		}
	}
	return false
}

// stringsClosed reports whether every string of text that begins as an object
// ends as one. Objects in strings in strings it leaves to the parser, by saying
// no.
func stringsClosed(text []byte, doubled bool) bool {
	if bytes.Contains(text, []byte(`{\\\"`)) || bytes.Contains(text, []byte(`{\\\\`)) {
		return false
	}
	step := 1 // from a quote to what stands behind it
	if doubled {
		step = 2
	}
	for {
		begin := bytes.Index(text, []byte(`"{\`))
		if begin < 0 {
			return true
		}
		text = text[begin+1:]
		quotes, at := 0, 0 // quotes of the object that are no part of its strings
		for {
			i := bytes.IndexByte(text[at:], '"')
			if i < 0 {
				return false
			}
			at += i
			backslashes := 0
			for k := at - 1; k >= 0 && text[k] == '\\'; k-- {
				backslashes++
			}
			if backslashes%2 == 0 {
				break
			}
			if backslashes == 1 {
				quotes++
			}
			at = min(at+step, len(text))
		}
		if quotes%2 == 1 || !endsClosed(text[:at]) {
			return false
		}
		text = text[at:]
	}
}

// endsClosed reports whether the content of a string ends with a bracket, and
// perhaps with escaped line breaks behind it.
func endsClosed(content []byte) bool {
	for {
		shorter := bytes.TrimRight(content, " ")
		shorter = bytes.TrimSuffix(bytes.TrimSuffix(shorter, []byte(`\n`)), []byte(`\r`))
		if len(shorter) == len(content) {
			break
		}
		content = shorter
	}
	return len(content) > 0 && (content[len(content)-1] == '}' || content[len(content)-1] == ']')
}
