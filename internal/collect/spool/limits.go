package spool

const (
	// segmentSize is when a new segment is begun: old ones go as a whole.
	segmentSize = 16 << 20

	// headSize is the size of what precedes the records of a frame.
	headSize = 8

	// maxFrame bounds what a length in a file can make the reader allocate.
	maxFrame = 256 << 20

	// maxMark bounds how much of the file with the mark is read: two numbers.
	maxMark = 64

	// maxSeq is the highest number of a segment that is believed: numbers above
	// it leave none for new segments.
	maxSeq = 1 << 53
)
