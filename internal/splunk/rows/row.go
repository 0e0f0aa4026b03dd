package rows

import "bytes"

// Row is one row of a body. It and all that it returns is valid until the next
// row is read.
type Row struct {
	reader  *Reader
	text    []byte
	cells   [][]byte // as they stand, once the row is split
	done    bool
	scratch []byte
}

func (r *Row) reset(text []byte) {
	r.text, r.done = text, false
	r.cells, r.scratch = r.cells[:0], r.scratch[:0]
}

// Bytes is the text of the row as it stands, without its line end.
func (r *Row) Bytes() []byte { return r.text }

// LastQuoted is the inside of the quoted cell of column i, its quotes still
// doubled, and the text of the row before the cell. The row is not split for it.
// It reports false if another column than the row index follows column i, or if
// the cell is not quoted.
//
// splunkd sends the required fields in the order in which a command asks for
// them, and appends only its row index, which has no quotes. So the last quote of
// a row closes the cell of the field that was asked for last, and a long text in
// it needs no search for its end.
func (r *Row) LastQuoted(i int) (before, cell []byte, ok bool) {
	h := &r.reader.header
	if i != h.last {
		return nil, nil, false
	}
	rest := r.text
	for range h.cells[i] {
		n := cellEnd(rest)
		if n == len(rest) {
			return nil, nil, false
		}
		rest = rest[n+1:]
	}
	end := bytes.LastIndexByte(rest, '"')
	if end <= 0 || rest[0] != '"' {
		return nil, nil, false
	}
	return r.text[:len(r.text)-len(rest)], rest[1:end], true
}

// Cell is the cell of column i as it stands, with its quotes; empty if the
// field is absent.
func (r *Row) Cell(i int) []byte { return r.cell(r.reader.header.cells[i]) }

// MVCell is the cell of the twin of column i as it stands.
func (r *Row) MVCell(i int) []byte {
	if twin := r.reader.header.twins[i]; twin >= 0 {
		return r.cell(twin)
	}
	return nil
}

// Value is the content of the cell of column i. Of several values it is all of
// them, joined with LF.
func (r *Row) Value(i int) []byte { return r.unquote(r.Cell(i)) }

// Values are the values of column i; none if the field is absent. The strings
// may be kept.
func (r *Row) Values(i int) []string {
	if mv := r.unquote(r.MVCell(i)); len(mv) > 0 {
		if values, ok := multi(mv); ok {
			return values
		}
	}
	if value := r.Value(i); len(value) > 0 {
		return []string{string(value)}
	}
	return nil
}

func (r *Row) cell(i int) []byte {
	if !r.done {
		r.split()
		switch width := r.reader.header.width; {
		case len(r.cells) < width:
			r.reader.problems.Short++
		case len(r.cells) > width:
			r.reader.problems.Long++
		}
	}
	if i >= len(r.cells) {
		return nil
	}
	return r.cells[i]
}

func (r *Row) split() {
	r.done = true
	for rest := r.text; ; {
		n := cellEnd(rest)
		r.cells = append(r.cells, rest[:n])
		if n == len(rest) {
			return
		}
		rest = rest[n+1:]
	}
}

// cellEnd is the length of the cell that text begins with: up to the first
// comma that an even number of quotes precedes.
func cellEnd(text []byte) int {
	if len(text) == 0 || text[0] != '"' { // not quoted, as far as splunkd writes
		n := bytes.IndexByte(text, ',')
		if n < 0 {
			n = len(text)
		}
		if bytes.IndexByte(text[:n], '"') < 0 {
			return n
		}
	}
	for i, odd := 0, false; i < len(text); i++ {
		switch text[i] {
		case '"':
			odd = !odd
			if odd { // go to the closing quote at once
				n := bytes.IndexByte(text[i+1:], '"')
				if n < 0 {
					return len(text)
				}
				i += n
			}
		case ',':
			if !odd {
				return i
			}
		}
	}
	return len(text)
}

// unquote is the content of a cell: the cell itself if it is not quoted, a
// view if no quote in it is doubled, else a copy in the scratch of the row.
func (r *Row) unquote(cell []byte) []byte {
	if len(cell) < 2 || cell[0] != '"' || cell[len(cell)-1] != '"' {
		return cell
	}
	cell = cell[1 : len(cell)-1]
	if bytes.IndexByte(cell, '"') < 0 {
		return cell
	}
	from := len(r.scratch)
	for {
		i := bytes.IndexByte(cell, '"')
		if i < 0 {
			break
		}
		r.scratch = append(r.scratch, cell[:i+1]...)
		cell = cell[i+1:]
		if len(cell) > 0 && cell[0] == '"' {
			cell = cell[1:]
		}
	}
	r.scratch = append(r.scratch, cell...)
	return r.scratch[from:]
}

// multi reads "$a$;$b$". It reports false for anything else.
func multi(text []byte) (values []string, ok bool) {
	var value []byte
	for {
		if len(text) == 0 || text[0] != '$' {
			return nil, false
		}
		text = text[1:]
		value = value[:0]
		for {
			i := bytes.IndexByte(text, '$')
			if i < 0 {
				return nil, false
			}
			value = append(value, text[:i]...)
			text = text[i+1:]
			if len(text) == 0 || text[0] != '$' {
				break
			}
			value = append(value, '$')
			text = text[1:]
		}
		values = append(values, string(value))
		if len(text) == 0 {
			return values, true
		}
		if text[0] != ';' {
			return nil, false
		}
		text = text[1:]
	}
}
