package cli

// maxExplain bounds what explain reads, in bytes: it is for one event, not for
// a log.
const maxExplain = 64 << 20

// maxNamed is how many paths a report names: a shell makes hundreds of a pattern.
const maxNamed = 3

// maxSame is how many events of one audit ID are explained: clients choose IDs, and
// can give all their requests the same.
const maxSame = 100
