package envelope

// What one text may cost. A text that goes beyond is undecidable: it is
// reported, not dropped.
const (
	// maxDepth is how many wrappers may stand around each other. Four were
	// seen (HEC around SNS around CloudWatch around the event).
	maxDepth = 8

	// maxUnpacked bounds what comes out of strings, base64 and gzip of one
	// text, in bytes. A CloudWatch batch is at most 1 MB packed; gzip can make
	// a thousand times that of nothing.
	maxUnpacked = 64 << 20

	// maxEvents bounds the events of one text. The API server's webhook sends
	// 400 at a time by default, CloudWatch up to 10,000.
	maxEvents = 10_000

	// maxMembers bounds the members of a wrapper that are looked at. The
	// largest known has about thirty.
	maxMembers = 256

	// maxPrefix is how far into a line that does not begin with JSON the JSON
	// is looked for: behind a timestamp, a syslog header or a stream name.
	maxPrefix = 512
)
