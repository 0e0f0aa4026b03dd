package envelope

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"io"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// packedHead is how much of a text shows that it is base64.
const packedHead = 128

// decompress unwraps what gzip or zlib holds. Whole events before a fault count.
func (u *Unwrapper) decompress(data []byte, at place) {
	var r io.Reader
	var err error
	switch data[0] {
	case 0x1f:
		r, err = gzip.NewReader(bytes.NewReader(data))
	case 0x78:
		r, err = zlib.NewReader(bytes.NewReader(data))
	default:
		u.fail(ErrPacked) // Zstandard
		return
	}
	if err != nil {
		u.fail(ErrPacked)
		return
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(maxUnpacked-u.unpacked)+1))
	faulty := u.faulty
	u.faulty = faulty || err != nil
	if u.grow(len(text)) {
		u.text(text, at.unpacked())
	}
	u.faulty = faulty
	if err != nil {
		u.fail(ErrPacked)
	}
}

// unpacked is the place inside packed text. Names in there are not seen from
// outside, so each record has to account for itself.
func (p place) unpacked() place {
	p = p.in("")
	p.record = true
	return p
}

// isBase64 reports whether text is nothing but base64, its padding and breaks
// between lines.
func isBase64(text []byte) bool {
	for _, b := range text {
		switch {
		case b >= 'A' && b <= 'Z', b >= 'a' && b <= 'z', b >= '0' && b <= '9':
		case b == '+', b == '/', b == '-', b == '_', b == '=', b == '\r', b == '\n', b == ' ', b == '\t':
		default:
			return false
		}
	}
	return true
}

// decode unwraps base64, which may be wrapped over lines, or several of them, a
// line each.
func (u *Unwrapper) decode(text []byte, at place) {
	lines := bytes.Fields(text)
	width := len(lines[0])
	var one []byte
	for i, line := range lines {
		one = append(one, line...)
		// A wrapped text has lines of one length, and a shorter one at the end.
		if next := i + 1; next == len(lines) || len(line) != width || len(lines[next]) > width || bytes.HasSuffix(line, []byte("=")) {
			u.decodeOne(one, at)
			one = one[:0]
			if next < len(lines) {
				width = len(lines[next])
			}
		}
	}
}

// decodeOne unwraps one base64 text, in either alphabet. Of one that breaks off
// it unwraps what there is.
func (u *Unwrapper) decodeOne(text []byte, at place) {
	whole := true
	text = bytes.TrimRight(text, "=")
	if len(text)%4 == 1 {
		text, whole = text[:len(text)-1], false
	}
	encoding := base64.RawStdEncoding
	if bytes.ContainsAny(text, "-_") {
		encoding = base64.RawURLEncoding
	}
	out := make([]byte, encoding.DecodedLen(len(text)))
	n, err := encoding.Decode(out, text)
	out = out[:n]
	before := u.events
	if u.grow(n) {
		u.text(out, at.unpacked())
	}
	if (err != nil || !whole) && u.events == before && (audit.Compressed(out) || begins(clean(out))) {
		u.fail(audit.ErrCut)
	}
}
