package audit

import "bytes"

// The functions of this file find text that was packed: compressed, base64, or
// both. Packed text cannot show a name, so it must be unpacked before anything
// can be said of it.

// minPacked is how long base64 of an event is at least: the shortest event that
// names anonymous has 56 bytes, and lines of wrapped base64 have 64 or 76.
const minPacked = 64

// Compressed reports whether data begins as a format of compression does: gzip
// (RFC 1952), zlib (RFC 1950) or Zstandard (RFC 8878).
func Compressed(data []byte) bool {
	switch {
	case len(data) < 4:
		return false
	case data[0] == 0x1f && data[1] == 0x8b:
		return true
	case data[0] == 0x78 && (data[1] == 0x01 || data[1] == 0x5e || data[1] == 0x9c || data[1] == 0xda):
		return true
	}
	return bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd})
}

// packed reports whether text is compressed or holds a run of base64 that is.
func packed(text []byte) bool {
	if Compressed(text) {
		return true
	}
	from, _ := FindPacked(text)
	return from >= 0
}

// FindPacked finds the first run of base64 in text, of either alphabet, that is
// long enough for an event and begins as JSON, other text or compressed data
// does. It ends where neither base64 nor its padding goes on. from is -1 if
// there is none.
//
// A run cannot hide between two places that are looked at: most of text is not.
func FindPacked(text []byte) (from, to int) {
	const step = minPacked / 2
	for at := step - 1; at < len(text); at += step {
		if !inBase64[text[at]] {
			continue
		}
		from, to = at, at+1
		for from > 0 && (inBase64[text[from-1]] || escapedSlash(text, from-1)) {
			from--
		}
		for to < len(text) && (inBase64[text[to]] || escapedSlash(text, to)) {
			to++
		}
		from = behindEscape(text, from)
		if to-from >= minPacked && packedHead(text[from:to]) {
			for to < len(text) && text[to] == '=' {
				to++
			}
			return from, to
		}
		at = max(at, to-to%step-1)
	}
	return -1, 0
}

// escapedSlash reports whether a slash or a plus that a JSON encoder escaped is
// at i: \/, \u002f or \u002b.
func escapedSlash(text []byte, i int) bool {
	return text[i] == '\\' && (bytes.HasPrefix(text[i+1:], []byte("/")) || bytes.HasPrefix(text[i+1:], []byte("u002")))
}

// behindEscape is where a run begins whose first letters may be those of an
// escape, such as \n.
func behindEscape(text []byte, from int) int {
	if from == 0 || text[from-1] != '\\' {
		return from
	}
	switch text[from] {
	case 'n', 'r', 't', 'b', 'f':
		return from + 1
	case 'u':
		return min(from+5, len(text))
	}
	return from
}

// packedHead reports whether base64 begins as JSON, other text or compressed
// data does. Random letters and hexadecimal digits do not.
func packedHead(run []byte) bool {
	var head [12]byte
	var quantum uint32
	n, k := 0, 0
	for _, b := range run {
		if !inBase64[b] {
			continue
		}
		quantum = quantum<<6 | uint32(base64Value(b))
		if k++; k%4 == 0 {
			head[n], head[n+1], head[n+2] = byte(quantum>>16&0xff), byte(quantum>>8&0xff), byte(quantum&0xff)
			if n += 3; n == len(head) {
				break
			}
		}
	}
	if n < len(head) {
		return false
	}
	if Compressed(head[:]) {
		return true
	}
	for _, b := range head {
		if (b < ' ' || b > '~') && b != '\t' && b != '\n' && b != '\r' {
			return bytes.HasPrefix(head[:], []byte("\xef\xbb\xbf"))
		}
	}
	return true
}

// inBase64 marks the letters of both alphabets (RFC 4648).
var inBase64 = func() (in [256]bool) {
	for b := range in {
		in[b] = b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' || b >= '0' && b <= '9' || b == '+' || b == '/' || b == '-' || b == '_'
	}
	return in
}()

func base64Value(b byte) byte {
	switch {
	case b >= 'a':
		return b - 'a' + 26
	case b == '_':
		return 63
	case b >= 'A':
		return b - 'A'
	case b >= '0':
		return b - '0' + 52
	case b == '/':
		return 63
	}
	return 62
}
