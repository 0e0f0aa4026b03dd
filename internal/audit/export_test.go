package audit

// PlainCandidate lets tests hold the vectors against it.
var PlainCandidate = plainCandidate
