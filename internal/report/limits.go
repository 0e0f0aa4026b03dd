package report

// Limits of a summary, which bound its memory whatever was found: clients choose
// what makes a group.
const (
	maxGroups  = 10_000 // who has more kinds of findings, addresses or bindings than this reads no report
	maxSamples = 50     // findings that are listed one by one under a group
	maxListed  = 5_000  // and under all groups together: a browser has to show them
	maxAgents  = 5      // user agents that are named under a group
	maxSlots   = 4_096  // intervals of the timeline while it is collected
	maxTop     = 20     // addresses and bindings that are shown

	// Groups that are shown unless Options.Top says how many: below the worst
	// ones nobody reads on, and a page of 10,000 takes a browser seconds.
	maxScreen = 50 // on a terminal, which shows the end of a table and not its beginning
	maxPage   = 1_000
)
