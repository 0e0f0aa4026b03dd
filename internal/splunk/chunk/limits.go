package chunk

// What a frame may claim before memory is set aside for it. splunkd stays far
// below; a larger claim is a broken or hostile stream.
const (
	// maxHeader is the longest header line: the fixed text and two 19-digit
	// numbers take 52 bytes, the rest is for blanks.
	maxHeader = 128

	// MaxMetadata bounds the metadata, in bytes. A getinfo request holds the
	// whole search string, percent-encoded; 4 MiB is forty times the longest
	// search that splunkd takes by default.
	MaxMetadata = 4 << 20

	// MaxBody bounds the body, in bytes. It is streamed and takes no memory
	// here; a chunk has at most 50,000 rows, which would have to be 20 KB
	// each on average to get there.
	MaxBody = 1 << 30
)
