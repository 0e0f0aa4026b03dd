// Package chunk reads and writes the frames of Splunk's search command
// protocol, version 2 (commands.conf: chunked = true):
//
//	chunked 1.0,<metadata length>,<body length>\n<metadata><body>
//
// Lengths count bytes. Nothing stands between the parts or between frames, so
// a stream is never read by lines. What the metadata and the body hold is the
// business of packages search and rows.
package chunk

import "io"

// Chunk is one frame.
type Chunk struct {
	Metadata []byte    // valid until the next call of Next
	Body     io.Reader // to be read before the next call of Next; ends with io.EOF, or with an *Error if the stream ends first
	BodyLen  int64     // in bytes, as the header says
}

// Error is what is wrong with a frame. A stream that ends in the middle of one
// wraps io.ErrUnexpectedEOF.
type Error struct {
	Op  string // "header", "metadata", "body" or "write"
	Err error
}

func (e *Error) Error() string { return "chunk " + e.Op + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }
