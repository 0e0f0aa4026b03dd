package spool

const (
	// segmentSize is when a new segment is begun: old ones go as a whole.
	segmentSize = 16 << 20

	// headSize is what stands before the records of a frame.
	headSize = 8

	// maxFrame bounds what a length in a file can make the reader allocate.
	maxFrame = 256 << 20
)
