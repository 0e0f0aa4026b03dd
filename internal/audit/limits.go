package audit

// maxSkipped bounds the scratch that is kept from one event to the next: one
// event with a huge body must not hold its memory for all that follow.
const maxSkipped = 1 << 20

// maxForms bounds strings that hold JSON in strings that hold JSON, inside one
// member of an event. One was seen.
const maxForms = 4
