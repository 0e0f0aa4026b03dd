package chunk

// Error is what is wrong with a frame. A stream that ends in the middle of one
// wraps io.ErrUnexpectedEOF.
type Error struct {
	Op  string // "header", "metadata", "body" or "write"
	Err error
}

func (e *Error) Error() string { return "chunk " + e.Op + ": " + e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }
