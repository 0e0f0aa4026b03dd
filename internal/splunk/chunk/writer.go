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

// Write writes one frame, header and metadata in one piece. An error is an
// *Error, and stays.
func (w *Writer) Write(metadata, body []byte) error {
	if w.err != nil {
		return w.err
	}
	b := append(w.buf[:0], "chunked 1.0,"...)
	b = strconv.AppendInt(b, int64(len(metadata)), 10)
	b = append(b, ',')
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, '\n')
	b = append(b, metadata...)
	w.buf = b
	for _, part := range [][]byte{b, body} {
		if len(part) == 0 {
			continue
		}
		if _, err := w.w.Write(part); err != nil {
			w.err = &Error{"write", err}
			return w.err
		}
	}
	return nil
}
