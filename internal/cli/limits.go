package cli

// maxExplain bounds what explain reads, in bytes: it is for one event, not for
// a log.
const maxExplain = 64 << 20
