package chunk

import (
	"io"
	"strconv"
)

// Writer writes frames to a stream.
type Writer struct {
	w   io.Writer
	buf []byte
	err error
}

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Write writes one frame, whose body may come in pieces; header and metadata go
// out in one. An error is an *Error, and stays.
func (w *Writer) Write(metadata []byte, body ...[]byte) error {
	if w.err != nil {
		return w.err
	}
	size := 0
	for _, part := range body {
		size += len(part)
	}
	b := append(w.buf[:0], "chunked 1.0,"...)
	b = strconv.AppendInt(b, int64(len(metadata)), 10)
	b = append(b, ',')
	b = strconv.AppendInt(b, int64(size), 10)
	b = append(b, '\n')
	b = append(b, metadata...)
	w.buf = b
	w.put(b)
	for _, part := range body {
		w.put(part)
	}
	return w.err
}

// put writes a part, unless one before it could not be written.
func (w *Writer) put(part []byte) {
	if w.err != nil || len(part) == 0 {
		return
	}
	if _, err := w.w.Write(part); err != nil {
		w.err = &Error{"write", err}
	}
}
