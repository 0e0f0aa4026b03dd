package logfile

const (
	// headSize is the buffer in which the kind of an input is looked at. Text
	// does not go through it: a large read is served by the file itself.
	headSize = 4 << 10

	// packedSize is how much is read of a packed file at a time.
	packedSize = 1 << 20

	// maxArchive bounds a zip archive that is not a file of its own: its list of
	// files is at its end, so that it is read into memory.
	maxArchive = 256 << 20

	// maxNested bounds archives within archives.
	maxNested = 4

	// maxWindow bounds the memory that a zstd or xz file can ask for; it is what
	// "zstd --ultra --long=27" writes.
	maxWindow = 128 << 20
)
