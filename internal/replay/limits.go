package replay

// maxLine bounds the memory of one event. The API server refuses bodies above
// 3 MB, and no collector takes more.
const maxLine = 64 << 20

const (
	// A batch for the HTTP Event Collector is at most this large, before it is
	// packed: what every version and every load balancer takes.
	hecSize   = 1 << 20
	hecEvents = 1000
)
