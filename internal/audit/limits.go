package audit

// maxSkipped bounds the scratch that is kept from one event to the next: one
// event with a huge body must not hold its memory for all that follow.
const maxSkipped = 1 << 20

const (
	// maxWalk is how deep Timestamp walks by itself; what is deeper goes to the
	// decoder. Requests nest about 20 deep.
	maxWalk = 64

	// maxDigits bounds the numbers that Timestamp passes over by itself: every
	// parser takes a number of so many digits for an integer.
	maxDigits = 18
)
