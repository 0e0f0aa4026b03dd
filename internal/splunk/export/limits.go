package export

const (
	// maxAnswer bounds what is read of an error.
	maxAnswer = 64 << 10

	// maxInfo bounds what is read of the answer about the server; real ones have
	// a few kB.
	maxInfo = 1 << 20

	// maxRow bounds the text of one row. A row holds the text of an event, which
	// has a few MB at most, and the fields that were found in it.
	maxRow = 16 << 20

	// maxValues bounds the names and values of one row, and its messages: an empty
	// text takes three bytes of a row and twenty times that of memory. An event with
	// 100 addresses has 300 values.
	maxValues = 100_000
)
