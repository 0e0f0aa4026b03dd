package audit

import (
	"bytes"
	"strings"
)

// Candidate reports whether text may hold an anonymous identity, and so is
// worth a parse. It may say yes in vain, it never says no in vain: see Next.
func Candidate(text []byte) bool { return Next(text) < len(text) }

// Next is where text first holds what an anonymous identity cannot do without:
// one of the two names, or a \u escape that can spell a letter of them. It is
// the length of text if there is none. Texts that follow each other can be
// searched as one, since neither goes across a line break.
//
// It takes raw JSON as well as JSON in a quoted CSV cell, where quotes are
// doubled, and JSON inside JSON strings, where backslashes are doubled:
// neither touches the names.
//
// On amd64 with AVX2 it runs at the speed of memory. The build tag purego
// leaves that out; both are held against each other by FuzzCandidate.
func Next(text []byte) int { return next(text) }

// piece is how much plainNext searches for one thing before it goes on with
// the other: what is near is found without looking far, and all of it stays
// in the first cache of the processor.
const piece = 16 << 10

// plainNext is Next without vectors. No byte of the names is rare in JSON but
// "y" of "anonymous" and "h" of "unauthenticated"; going from one of these to
// the next by bytes.IndexByte is three times as fast as bytes.Index for the
// name.
func plainNext(text []byte) int {
	for from := 0; from < len(text); from += piece {
		// A match that begins in the piece may end behind it.
		here := text[from:min(len(text), from+piece+len(Unauthenticated)-1)]
		n := escape(here)
		n = min(n, hop(here[:min(len(here), n+len(Anonymous))], Anonymous, 'y'))
		n = min(n, hop(here[:min(len(here), n+len(Unauthenticated))], Unauthenticated, 'h'))
		if n < min(len(here), piece) {
			return from + n
		}
	}
	return len(text)
}

// hop is where text first holds name, whose first b is at a fixed place, by
// going from one b to the next.
func hop(text []byte, name string, b byte) int {
	at := strings.IndexByte(name, b)
	for from := at; from < len(text); from++ {
		i := bytes.IndexByte(text[from:], b)
		if i < 0 {
			break
		}
		from += i
		if bytes.HasPrefix(text[from-at:], []byte(name)) {
			return from - at
		}
	}
	return len(text)
}

// colon is where the colon stands in both names.
const colon = len("system")

// escape is where text first holds a JSON escape of a lower case letter or of
// the colon, the only characters of the names.
func escape(text []byte) int {
	for from := 0; from < len(text); from++ {
		i := bytes.IndexByte(text[from:], '\\')
		if i < 0 {
			break
		}
		from += i
		if spells(text[from:]) {
			return from
		}
	}
	return len(text)
}

// spells reports whether text begins with an escape of a letter or the colon:
// \u0061 to \u007a and \u003a. The usual escapes of a Go encoder, \u0026, \u003c
// and \u003e, are none.
func spells(text []byte) bool {
	if len(text) < len(`\u0061`) || text[1] != 'u' || text[2] != '0' || text[3] != '0' {
		return false
	}
	return text[4] == '6' || text[4] == '7' || text[4] == '3' && (text[5] == 'a' || text[5] == 'A')
}

// Dull reports whether text needs no parse at all: it is no Candidate, and it
// is Whole.
//
// With doubled, text is the inside of a quoted CSV cell.
func Dull(text []byte, doubled bool) bool { return Whole(text, doubled) && !Candidate(text) }

// Whole reports whether text ends as a JSON value ends, outside of every string
// and with a bracket. A text that names nobody but ends in the middle may have
// been cut before the identity, which only a parse can tell.
//
// In a wrapper, where events stand in strings, each of those has to end as a
// JSON value ends, too (AKS cuts them at 16 KiB); and one that may hold packed
// text, which cannot show a name, is not whole. Nor is a record of Google Cloud,
// which leaves the name out.
//
// With doubled, text is the inside of a quoted CSV cell.
func Whole(text []byte, doubled bool) bool {
	if len(text) > 0 && text[len(text)-1] <= ' ' {
		text = bytes.TrimRight(text, " \t\r\n")
	}
	if len(text) == 0 {
		return true
	}
	step := 1 // from a quote to what stands behind it
	if doubled {
		step = 2
	}
	return closed(text, step) &&
		(Plain(text) || bytes.HasPrefix(text, plainHeadDoubled) || !packed(text) && !nameless(text) && stringsClosed(text, step))
}

// nameless reports whether text may hold a record of Google Cloud Audit Logs, in
// which a request without a name names nobody: there is nothing to look for, and a
// client can write the key of a principal into its own object.
func nameless(text []byte) bool {
	return bytes.Contains(text, []byte("protoPayload")) || bytes.Contains(text, []byte("protopayload"))
}

// Plain reports whether text begins as an event that the API server wrote: no
// wrapper, and it holds nothing packed that matters.
func Plain(text []byte) bool { return bytes.HasPrefix(text, plainHead) }

// closed reports whether text, the beginning of a JSON value or all of it, ends
// with a bracket outside of every string. It looks only at the last quote: if
// that one closes a string, what follows is outside. A quote that opens one
// stands behind a colon, a comma, a bracket or a blank; a string that ends with
// one of these is taken for cut, and the parser tells.
func closed(text []byte, step int) bool {
	if last := text[len(text)-1]; last != '}' && last != ']' {
		return false
	}
	before := bytes.LastIndexByte(text, '"') - step
	if before < 0 {
		return before == -1-step // no quote at all
	}
	switch text[before] {
	case ':', ',', '{', '[', ' ', '\t', '\r', '\n':
		return false
	case '\\':
		return backslashes(text[:before+1])%2 == 0 // else the quote is part of a string
	}
	return true
}

// backslashes counts those at the end of text.
func backslashes(text []byte) (n int) {
	for n < len(text) && text[len(text)-1-n] == '\\' {
		n++
	}
	return n
}

// How an event begins that the API server wrote.
var (
	plainHead        = []byte(`{"kind":"Event","apiVersion":"audit.k8s.io/`)
	plainHeadDoubled = bytes.ReplaceAll(plainHead, []byte(`"`), []byte(`""`))
)

// stringsClosed reports whether every string of text that begins as an object
// ends as one. Objects in strings in strings it leaves to the parser, by saying
// no.
func stringsClosed(text []byte, step int) bool {
	if bytes.Contains(text, []byte(`{\\\"`)) || bytes.Contains(text, []byte(`{\\\\`)) {
		return false
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
			n := backslashes(text[:at])
			if n%2 == 0 {
				break
			}
			if n == 1 {
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
