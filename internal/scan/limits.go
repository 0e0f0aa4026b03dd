package scan

const (
	// maxOdd is how many inputs without audit events are named. An export of all
	// logs of a cluster holds hundreds of them beside the audit log.
	maxOdd = 3

	// blockSize is how much is read and judged at a time. Below 1 MiB the
	// system calls show, above it the cache does.
	blockSize = 1 << 20

	// keep is how large a block may stay when it is used again, so that one
	// huge line does not hold its memory for the rest of a scan.
	keep = 4 * blockSize

	// maxLine bounds the memory that one record takes. Audit events are at most
	// a few MB (the API server refuses bodies above 3 MB); of a longer one only
	// the beginning is judged, and an event is judged from its beginning.
	maxLine = 64 << 20
)
