package audit

// PlainNext lets tests hold the vectors against it.
var PlainNext = plainNext
