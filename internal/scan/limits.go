package scan

const (
	// blockSize is how much is read and judged at a time. Below 1 MiB the
	// system calls show, above it the cache does.
	blockSize = 1 << 20

	// keep is how large a block may stay when it is used again, so that one
	// huge line does not hold its memory for the rest of a scan.
	keep = 4 * blockSize

	// headSize is the buffer in which the kind of an input is looked at. Text
	// does not go through it: a large read is served by the file itself.
	headSize = 4 << 10

	// maxLine bounds the memory that one record takes. Audit events are at most
	// a few MB (the API server refuses bodies above 3 MB); of a longer one only
	// the beginning is judged, and an event is judged from its beginning.
	maxLine = 64 << 20

	// maxWindow bounds the memory that a zstd file can ask for; it is what
	// "zstd --ultra --long=27" writes.
	maxWindow = 128 << 20
)
