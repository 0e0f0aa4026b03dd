package tail

import "time"

const (
	// chunk is how much of a file is read at a time; a batch is never larger,
	// unless one line is.
	chunk = 1 << 20

	// maxLine bounds the memory that a line takes. The API server refuses
	// bodies above 3 MB, so an audit event is smaller. Of a longer line the
	// beginning is collected, and that is reported.
	maxLine = 16 << 20

	// headSize is how much of the first line is looked at to know a file
	// again. An audit ID stands in the first 150 bytes.
	headSize = 4 << 10

	// settled is how long a rotated file must not have changed before its last
	// line is taken for whole without a line break, and the file is left alone.
	settled = 2 * time.Second

	// maxPositions bounds the checkpoint; the positions of files that were not
	// seen for the longest time go first.
	maxPositions = 5000

	// maxAge is how long the position in a file that is gone is kept.
	maxAge = 30 * 24 * time.Hour
)
