package report

// Limits of a summary, which bound its memory whatever was found.
const (
	maxGroups  = 10_000 // who has more kinds of findings, addresses or bindings than this reads no report
	maxSamples = 50     // findings that are listed one by one under a group
	maxListed  = 5_000  // and under all groups together: a browser has to show them
	maxAgents  = 5      // user agents that are named under a group
	maxSlots   = 4_096  // intervals of the timeline while it is collected
	maxTop     = 20     // addresses and bindings that are shown
)
