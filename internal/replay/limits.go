package replay

const (
	// maxLine bounds the memory of one event. The API server refuses bodies above
	// 3 MB, and no collector takes more.
	maxLine = 64 << 20

	// maxIndex bounds a file in YAML, which comes from somewhere. The largest of
	// attack_data has some 10 kB.
	maxIndex = 4 << 20

	// A batch for the HTTP Event Collector is at most this large, before it is
	// packed: what every version and every load balancer takes.
	hecSize   = 1 << 20
	hecEvents = 1000
)
