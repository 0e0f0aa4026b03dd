package rows

const (
	// blockSize is how much of a body is read at a time, and the size of the
	// buffer unless a row needs more. A body is written in pieces of this size.
	blockSize = 1 << 20

	// maxRow bounds the memory of one row, in bytes. Splunk's own limit for an
	// event is below this; the largest audit events are a few MB.
	maxRow = 256 << 20

	// keep is how large the buffer may stay between two bodies, so that one
	// huge row does not hold its memory for the rest of a search.
	keep = 4 * blockSize

	// keepBlocks is how many blocks of a reply stay for the next one: those of the
	// 6,000 hits that a chunk of events may hold.
	keepBlocks = 16
)
