package rows

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// Problems counts what is odd in a body. Rows are looked at only when they are
// split.
type Problems struct {
	Short            int // rows with fewer cells than columns: the others are empty
	Long             int // rows with more cells than columns: these are ignored
	DuplicateColumns int // columns whose name stood before: the first one counts
}

// Add adds the problems of another body of the same search. Its columns are the
// same, so duplicates among them are counted once.
func (p *Problems) Add(more Problems) {
	p.Short += more.Short
	p.Long += more.Long
	p.DuplicateColumns = max(p.DuplicateColumns, more.DuplicateColumns)
}

// IndexColumn is the column by which splunkd finds the row again that it sent, to
// put back the fields it kept. A command passes it through like any other.
const IndexColumn = "_chunked_idx"

// Header is the header row of a body.
type Header struct {
	names []string
	cells []int // for each name its cell in a row
	twins []int // for each name the cell of its __mv_ twin, -1 if there is none
	width int   // cells in a row
	last  int   // the last of names but the row index, -1 if there is none
}

// Names are the columns in order, without the __mv_ twins and without
// duplicates. It is to be read only.
func (h *Header) Names() []string { return h.names }

// Index is the place of a column in Names, -1 if it is not there.
func (h *Header) Index(name string) int {
	for i, n := range h.names {
		if n == name {
			return i
		}
	}
	return -1
}

// Multi reports whether column i has a twin for several values.
func (h *Header) Multi(i int) bool { return h.twins[i] >= 0 }

// Reader reads the rows of one body after the other.
type Reader struct {
	body     io.Reader
	buf      []byte
	from, to int // what of buf is not yet read
	end      bool
	begun    bool
	header   Header
	row      Row
	problems Problems
	err      error
}

// NewReader returns a Reader that reads blocks of size bytes; 0 is 1 MiB.
// Reset gives it a body.
func NewReader(size int) *Reader {
	if size <= 0 {
		size = blockSize
	}
	r := &Reader{buf: make([]byte, size)}
	r.row.reader = r
	return r
}

// Reset makes the reader read body. What it returned before is no longer
// valid.
func (r *Reader) Reset(body io.Reader) {
	if len(r.buf) > keep {
		r.buf = make([]byte, blockSize)
	}
	*r = Reader{body: body, buf: r.buf, header: Header{names: r.header.names[:0], cells: r.header.cells[:0], twins: r.header.twins[:0]}, row: r.row}
	r.row.reader = r
}

// Problems is what was odd in the body so far.
func (r *Reader) Problems() Problems { return r.problems }

// Header reads the header row. A body without one has no columns. The header
// is valid until Reset.
func (r *Reader) Header() (*Header, error) {
	if r.begun {
		return &r.header, r.headerError()
	}
	r.begun = true
	text, err := r.next()
	if err != nil {
		r.err = err
		return &r.header, r.headerError()
	}
	row := Row{reader: r}
	row.reset(text)
	row.split()
	h := &r.header
	h.width, h.last = len(row.cells), -1
	place := map[string]int{}
	twins := map[string]int{}
	for i := range row.cells {
		name := string(row.unquote(row.cells[i]))
		switch base, twin := strings.CutPrefix(name, "__mv_"); {
		case name == "":
		case twin:
			twins[base] = i
		default:
			if _, ok := place[name]; ok {
				r.problems.DuplicateColumns++
				continue
			}
			place[name] = i
			h.names = append(h.names, name)
			h.cells = append(h.cells, i)
		}
	}
	for i, name := range h.names {
		if name != IndexColumn {
			h.last = i
		}
		twin, ok := twins[name]
		if !ok {
			twin = -1
		}
		h.twins = append(h.twins, twin)
	}
	return h, nil
}

func (r *Reader) headerError() error {
	if r.err == io.EOF {
		return nil // an empty body
	}
	return r.err
}

// Next reads the next row; io.EOF is the end of the body. The row is valid
// until the next call.
func (r *Reader) Next() (*Row, error) {
	if !r.begun {
		if _, err := r.Header(); err != nil {
			return nil, err
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	text, err := r.next()
	if err != nil {
		r.err = err
		return nil, err
	}
	r.row.reset(text)
	return &r.row, nil
}

// next finds the next row, without its line end.
func (r *Reader) next() ([]byte, error) {
	scanned, odd := 0, false // of the bytes from r.from, and their quotes
	for {
		rest := r.buf[r.from:r.to]
		for scanned < len(rest) {
			i := bytes.IndexByte(rest[scanned:], '\n')
			line := rest[scanned:]
			if i >= 0 {
				line = line[:i]
			}
			if bytes.Count(line, quote)%2 == 1 {
				odd = !odd
			}
			scanned += len(line)
			if i < 0 {
				break
			}
			if odd {
				scanned++ // the line break belongs to a cell
				continue
			}
			r.from += scanned + 1
			return bytes.TrimSuffix(rest[:scanned], carriageReturn), nil
		}
		if r.end {
			r.from = r.to
			if len(rest) == 0 {
				return nil, io.EOF
			}
			return bytes.TrimSuffix(rest, carriageReturn), nil
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

var (
	quote          = []byte{'"'}
	carriageReturn = []byte{'\r'}
)

// fill reads more of the body behind what is not yet read.
func (r *Reader) fill() error {
	if r.from > 0 {
		copy(r.buf, r.buf[r.from:r.to])
		r.from, r.to = 0, r.to-r.from
	}
	if r.to == len(r.buf) {
		if r.to >= maxRow {
			return fmt.Errorf("a row is longer than %d MiB", maxRow>>20)
		}
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
	for range 100 {
		n, err := r.body.Read(r.buf[r.to:])
		r.to += n
		if err == io.EOF {
			r.end = true
			return nil
		}
		if err != nil {
			return err
		}
		if n > 0 {
			return nil
		}
	}
	return io.ErrNoProgress
}
