package envelope

// What one text may cost. A text that goes beyond is undecidable: it is
// reported, not dropped.
const (
	// maxDepth is how many wrappers may be around each other, each packing and
	// each object counted. Four were seen (HEC around SNS around CloudWatch around
	// the event), which with base64 and gzip are seven.
	maxDepth = 16

	// maxUnpacked bounds what comes out of strings, base64 and gzip of one
	// text, in bytes. A CloudWatch batch is at most 1 MB packed; gzip can make
	// a thousand times that of nothing.
	maxUnpacked = 64 << 20

	// maxEvents bounds the events of one text. The API server's webhook sends
	// 400 at a time by default, CloudWatch up to 10,000.
	maxEvents = 10_000

	// maxMembers bounds the members of a wrapper that are looked at. The
	// largest known has about thirty.
	maxMembers = 1024

	// maxValues bounds the objects and arrays of one text that are looked at,
	// which a walk through all members could make many.
	maxValues = 100_000

	// maxPrefix is how much of what is in front of JSON in a line is looked at
	// for its name. The JSON is found behind a prefix of any length.
	maxPrefix = 512
)
