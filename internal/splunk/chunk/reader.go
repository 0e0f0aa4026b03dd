package chunk

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
)

// headerBuffer is the buffer in which headers are found. Bodies do not go
// through it: a large read is served by the stream itself.
const headerBuffer = 4 << 10

// header is as lenient with blanks as Splunk's own library; what splunkd
// writes has none but the one after "chunked".
var header = regexp.MustCompile(`^chunked\s+1\.0\s*,\s*(\d{1,19})\s*,\s*(\d{1,19})\s*\n$`)

// Reader reads frames from a stream.
type Reader struct {
	r        *bufio.Reader
	metadata []byte
	body     body
	err      error
}

// NewReader returns a Reader of r. It reads ahead of the frames it returns.
func NewReader(r io.Reader) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, headerBuffer)}
}

// Next reads up to the body of the next frame, after the rest of the former
// body. It returns io.EOF where the stream ends between two frames, which is
// the normal end; any other error is an *Error. An error stays.
func (r *Reader) Next() (Chunk, error) {
	if r.err == nil {
		_, r.err = io.Copy(io.Discard, &r.body)
	}
	if r.err != nil {
		return Chunk{}, r.err
	}
	c, err := r.next()
	r.err = err
	return c, err
}

func (r *Reader) next() (Chunk, error) {
	line, err := r.line()
	if err != nil {
		return Chunk{}, err
	}
	m := header.FindSubmatch(line)
	if m == nil {
		return Chunk{}, &Error{"header", fmt.Errorf("%q is not \"chunked 1.0,<metadata length>,<body length>\"", line)}
	}
	metaLen, err := length(m[1], "metadata", MaxMetadata)
	if err != nil {
		return Chunk{}, err
	}
	bodyLen, err := length(m[2], "body", MaxBody)
	if err != nil {
		return Chunk{}, err
	}
	if int64(cap(r.metadata)) < metaLen {
		r.metadata = make([]byte, metaLen)
	}
	r.metadata = r.metadata[:metaLen]
	if n, err := io.ReadFull(r.r, r.metadata); err != nil {
		return Chunk{}, &Error{"metadata", fmt.Errorf("%w after %d of %d bytes", early(err), n, metaLen)}
	}
	r.body = body{r: r.r, size: bodyLen, left: bodyLen}
	return Chunk{Metadata: r.metadata, Body: &r.body, BodyLen: bodyLen}, nil
}

// line reads the header line, byte by byte at its end so that nothing of the
// metadata is taken for it.
func (r *Reader) line() ([]byte, error) {
	line := make([]byte, 0, maxHeader)
	for {
		b, err := r.r.ReadByte()
		if err == io.EOF && len(line) == 0 {
			return nil, io.EOF
		}
		if err != nil {
			return nil, &Error{"header", fmt.Errorf("%w after %q", early(err), line)}
		}
		line = append(line, b)
		if b == '\n' {
			return line, nil
		}
		if len(line) == maxHeader {
			return nil, &Error{"header", fmt.Errorf("%q... has no end within %d bytes", line[:32], maxHeader)}
		}
	}
}

func length(digits []byte, what string, limit int64) (int64, error) {
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || n > limit {
		return 0, &Error{"header", fmt.Errorf("a %s of %s bytes is over the limit of %d", what, digits, limit)}
	}
	return n, nil
}

// early turns an end of the stream within a frame into what it is.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// body reads the body of one frame.
type body struct {
	r          io.Reader
	size, left int64
}

func (b *body) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	if err != nil && b.left > 0 {
		return n, &Error{"body", fmt.Errorf("%w after %d of %d bytes", early(err), b.size-b.left, b.size)}
	}
	return n, nil
}
