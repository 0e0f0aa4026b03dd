//go:build !purego

package audit

import (
	"bytes"

	"golang.org/x/sys/cpu"
)

var vectors = cpu.X86.HasAVX2 && cpu.X86.HasBMI1

// next goes from one place that looks like a name or an escape to the next, by
// vectors, and looks closely there.
func next(text []byte) int {
	if !vectors {
		return plainNext(text)
	}
	from := 0
	for {
		i, found := spotAVX2(text[from:])
		from += i
		if !found {
			// What is left is shorter than a vector; a name in it may begin
			// before.
			from = max(0, from-colon)
			return from + plainNext(text[from:])
		}
		if text[from] == '\\' {
			if spells(text[from:]) {
				return from
			}
		} else if from >= colon {
			if name := text[from-colon:]; bytes.HasPrefix(name, []byte(Anonymous)) || bytes.HasPrefix(name, []byte(Unauthenticated)) {
				return from - colon
			}
		}
		from++
	}
}

// spotAVX2 finds the first place of text that holds ":" and what both names
// have two and seven bytes on ("n", then "o" or "e", or "g" or "m", which is one
// comparison less), or a backslash, "u" and what an escape of a letter or the
// colon has behind (6, 7 or 3). Without one, i is how far it looked: it leaves
// the last 71 bytes or less.
//
//go:noescape
func spotAVX2(text []byte) (i int, found bool)
