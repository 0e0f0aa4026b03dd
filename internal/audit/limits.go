package audit

// maxSkipped bounds the scratch that is kept from one event to the next: one
// event with a huge body must not hold its memory for all that follow.
const maxSkipped = 1 << 20
