package scan

import (
	"bytes"
	"io"

	"github.com/kubeanon/kubeanon/internal/detect"
)

// block is a piece of an input that holds whole records, and what a worker made
// of it.
type block struct {
	text []byte

	findings []detect.Finding
	rows     []byte // of the findings, if they were rendered
	stats    Stats
	lines    int64                   // of the text, the empty ones too
	reasons  map[detect.Reason]int64 // undecidable records
	first    map[detect.Reason]int64 // the line of the first of them, from 1
	done     chan struct{}           // one message when the worker is through

	name  string // of the input
	end   bool   // the last of its input; then the rest is set
	files int    // 1 if it could be opened
	err   error
}

func (b *block) reset() {
	// The findings were handed on and may be kept.
	*b = block{text: b.text[:0], rows: b.rows[:0], done: b.done}
	if cap(b.text) > keep {
		b.text = make([]byte, 0, blockSize)
	}
	if cap(b.rows) > keep {
		b.rows = nil
	}
}

// cutter cuts a text into blocks.
type cutter struct {
	r    io.Reader
	rest []byte // what belongs to the next block
	skip bool   // the rest of a line that was too long is still to come
}

// next fills a block with text. io.EOF comes with the last one.
func (c *cutter) next(b *block) error {
	text := append(b.text[:0], c.rest...)
	c.rest = c.rest[:0]
	defer func() { b.text = text }()
	for {
		if len(text) == cap(text) {
			if end := boundary(text); end > 0 {
				c.rest = append(c.rest, text[end:]...)
				text = text[:end]
				return nil
			}
			if len(text) >= maxLine {
				if end := lastBreak(text) + 1; end > 0 {
					// Lines that all seem to belong together: cut between two.
					c.rest = append(c.rest, text[end:]...)
					text = text[:end]
					return nil
				}
				c.skip = true
				return nil
			}
			text = append(make([]byte, 0, 2*cap(text)), text...)
		}
		n, err := c.r.Read(text[len(text):cap(text)])
		short := n < cap(text)-len(text)
		text = text[:len(text)+n]
		if c.skip {
			end := bytes.IndexByte(text, '\n')
			if end >= 0 {
				text, c.skip = append(text[:0], text[end+1:]...), false
			} else {
				text = text[:0]
			}
		}
		if err != nil {
			return err
		}
		if short && endsWithObject(text) {
			return nil // a slow writer: what is here is judged now
		}
	}
}

// boundary is where the last record of text begins that may not be whole: behind
// the last line break that no indented line follows. 0 if there is none.
func boundary(text []byte) int {
	for end := len(text) - 1; ; {
		end = lastBreak(text[:end])
		if end < 0 {
			return 0
		}
		if continues(text[end+1:]) {
			continue
		}
		line := text[lastBreak(text[:end])+1 : end]
		if h, ok := halfOf(line); !ok || !h.more {
			return end + 1
		}
	}
}

// lastBreak is where the last line break of text is, -1 if there is none: as
// bytes.LastIndexByte, which goes byte by byte, but by pieces.
func lastBreak(text []byte) int {
	const piece = 1 << 10
	for end := len(text); end > 0; end -= min(end, piece) {
		from := max(0, end-piece)
		if bytes.IndexByte(text[from:end], '\n') >= 0 {
			return from + bytes.LastIndexByte(text[from:end], '\n')
		}
	}
	return -1
}

// continues reports whether a line, the beginning of text, belongs to JSON that
// was begun above: it is indented, empty, or closes something.
func continues(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	switch text[0] {
	case ' ', '\t', '}', ']', '\r', '\n':
		return true
	}
	return false
}

// endsWithObject reports whether the last line of text is whole and an object
// of its own, as audit logs have it.
func endsWithObject(text []byte) bool {
	if !bytes.HasSuffix(text, []byte("}\n")) {
		return false
	}
	line := text[bytes.LastIndexByte(text[:len(text)-1], '\n')+1:]
	return line[0] == '{'
}
