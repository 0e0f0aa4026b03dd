package rows

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Column is a column of a reply.
type Column struct {
	Name  string
	Multi bool // it may have several values: it gets an __mv_ twin
}

// Writer builds the body of a reply. Call Reset, then for each row one of
// Text, Bytes, Raw and Values for each column in order, and EndRow.
type Writer struct {
	columns []Column
	full    [][]byte // the body up to buf, in whole rows
	buf     []byte
	spare   [][]byte // blocks of an earlier body
	twins   []byte   // the __mv_ cells of the row, each with a comma before it
	column  int
	rows    int
}

// Reset begins a new body with these columns, which it keeps. Two columns of
// one name are a bug of the caller.
func (w *Writer) Reset(columns []Column) {
	for _, block := range w.full {
		if len(w.spare) < keepBlocks && cap(block) <= keep {
			w.spare = append(w.spare, block[:0])
		}
	}
	clear(w.full) // what is not spare is garbage
	w.full = w.full[:0]
	if cap(w.buf) > keep {
		w.buf = nil
	}
	w.columns, w.buf, w.twins, w.column, w.rows = columns, w.buf[:0], w.twins[:0], 0, 0
	seen := map[string]bool{}
	for _, c := range columns {
		if seen[c.Name] {
			panic(fmt.Sprintf("BUG: column %q twice", c.Name))
		}
		seen[c.Name] = true
		if len(seen) > 1 {
			w.buf = append(w.buf, ',')
		}
		w.buf = appendCell(w.buf, []byte(c.Name))
		if c.Multi {
			w.twins = appendCell(append(w.twins, ','), []byte("__mv_"+c.Name))
		}
	}
	w.buf = append(append(w.buf, w.twins...), '\n')
	w.twins = w.twins[:0]
}

// Rows is the number of rows since Reset.
func (w *Writer) Rows() int { return w.rows }

// Body is the body in pieces, none if there are no rows. It is valid until Reset.
func (w *Writer) Body() [][]byte {
	if w.rows == 0 {
		return nil
	}
	return append(w.full, w.buf)
}

// next begins a cell and returns its column.
func (w *Writer) next() *Column {
	if w.column == len(w.columns) {
		panic(fmt.Sprintf("BUG: more than %d cells in a row", len(w.columns)))
	}
	if w.column > 0 {
		w.buf = append(w.buf, ',')
	}
	w.column++
	return &w.columns[w.column-1]
}

// Text writes a cell with one value.
func (w *Writer) Text(s string) { w.cell(w.next(), []byte(s), nil) }

// Bytes writes a cell with one value.
func (w *Writer) Bytes(b []byte) { w.cell(w.next(), b, nil) }

// Values writes a cell with several values, one or none. In a column that is
// not Multi several become one, joined with LF.
func (w *Writer) Values(values []string) {
	c := w.next()
	if len(values) == 1 {
		w.cell(c, []byte(values[0]), nil)
		return
	}
	var main, twin []byte
	for i, v := range values {
		if i > 0 {
			main, twin = append(main, '\n'), append(twin, ';')
		}
		main, twin = append(main, v...), append(twin, '$')
		for {
			n := bytes.IndexByte([]byte(v), '$')
			if n < 0 {
				break
			}
			twin = append(append(twin, v[:n]...), "$$"...)
			v = v[n+1:]
		}
		twin = append(append(twin, v...), '$')
	}
	w.cell(c, main, twin)
}

func (w *Writer) cell(c *Column, main, twin []byte) {
	w.buf = appendCell(w.buf, main)
	if c.Multi {
		w.twins = appendCell(append(w.twins, ','), twin)
	}
}

// Raw writes a cell as it came, quotes and all, and its twin.
func (w *Writer) Raw(cell, twin []byte) {
	c := w.next()
	w.buf = appendRaw(w.buf, cell)
	if c.Multi {
		w.twins = appendRaw(append(w.twins, ','), twin)
	}
}

// EndRow ends the row. Cells that were not written are empty.
func (w *Writer) EndRow() {
	for w.column < len(w.columns) {
		w.cell(w.next(), nil, nil)
	}
	w.buf = append(append(w.buf, w.twins...), '\n')
	w.twins = w.twins[:0]
	w.column = 0
	w.rows++
	if len(w.buf) >= blockSize {
		w.nextBlock()
	}
}

// nextBlock begins another block: a body of 100 MB in one piece would be copied
// again and again while it grows.
func (w *Writer) nextBlock() {
	w.full = append(w.full, w.buf)
	if n := len(w.spare); n > 0 {
		w.buf, w.spare = w.spare[n-1], w.spare[:n-1]
		return
	}
	w.buf = make([]byte, 0, blockSize+blockSize/8) // the row that fills it goes beyond
}

// appendCell writes a value the way splunkd does: quoted unless it is empty or
// all letters and digits.
func appendCell(dst, value []byte) []byte {
	if plain(value) {
		return append(dst, value...)
	}
	value = sane(value)
	dst = append(dst, '"')
	for {
		i := bytes.IndexByte(value, '"')
		if i < 0 {
			break
		}
		dst = append(append(dst, value[:i]...), '"', '"')
		value = value[i+1:]
	}
	return append(append(dst, value...), '"')
}

// appendRaw writes a cell that splunkd wrote. One that is malformed, with a
// quote that closes nothing, would swallow its neighbours: it is written anew.
func appendRaw(dst, cell []byte) []byte {
	if plain(cell) {
		return append(dst, cell...)
	}
	if cell[0] != '"' || len(cell) < 2 || !wellQuoted(cell) {
		return appendCell(dst, cell)
	}
	return append(dst, sane(cell)...)
}

// wellQuoted reports whether a cell in quotes has only doubled ones inside, so
// that no comma and no line break in it ends it.
func wellQuoted(cell []byte) bool {
	if cell[len(cell)-1] != '"' {
		return false
	}
	inside := cell[1 : len(cell)-1]
	for {
		i := bytes.IndexByte(inside, '"')
		if i < 0 {
			return true
		}
		if i+1 == len(inside) || inside[i+1] != '"' {
			return false
		}
		inside = inside[i+2:]
	}
}

// plain reports whether a value needs no quotes.
func plain(value []byte) bool {
	for _, c := range value {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

var replacement = []byte(string(utf8.RuneError))

// sane replaces what must not go to splunkd: bytes that are no UTF-8, and NUL.
func sane(value []byte) []byte {
	if utf8.Valid(value) && bytes.IndexByte(value, 0) < 0 {
		return value
	}
	return bytes.ReplaceAll(bytes.ToValidUTF8(value, replacement), []byte{0}, replacement)
}
