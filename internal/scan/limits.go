package scan

const (
	// blockSize is how much of a file is read at a time. Below 1 MiB the
	// system calls show, above it the cache does.
	blockSize = 1 << 20

	// maxLine bounds the memory that one line takes. Audit events are at most
	// a few MB (the API server refuses bodies above 3 MB); of a longer line
	// only the beginning is judged, and an event is judged from its beginning.
	maxLine = 64 << 20

	// maxWindow bounds the memory that a zstd file can ask for; it is what
	// "zstd --ultra --long=27" writes.
	maxWindow = 128 << 20
)
