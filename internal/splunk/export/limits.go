package export

const (
	// maxAnswer bounds what is read of an error.
	maxAnswer = 64 << 10

	// maxInfo bounds what is read of the answer about the server; real ones have
	// a few kB.
	maxInfo = 1 << 20

	// maxRow bounds the memory that one row takes. A row holds the text of an
	// event, which has a few MB at most, and the fields that were found in it.
	maxRow = 64 << 20
)
