// Package envelope finds the audit events in a text: the event itself, and
// whatever shippers wrap around it.
package envelope

import (
	"bytes"
	"errors"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// Found is one event of a text.
type Found struct {
	Event   *audit.Event // valid until yield returns
	Format  string       // how it was wrapped
	Cluster string       // what the wrapper calls the cluster
}

// Unwrapper unwraps one text after the other. The zero value is ready. It is
// not safe for concurrent use.
type Unwrapper struct {
	decoder audit.Decoder
}

// FormatAudit is an event as the API server writes it to its log.
const FormatAudit = "audit"

// Unwrap calls yield for each event of text. The error is nil, or
// audit.ErrNotEvent if there is none, or audit.ErrCut if the text ended before
// it could be told who asked.
func (u *Unwrapper) Unwrap(text []byte, yield func(Found)) error {
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))
	if len(text) == 0 || text[0] != '{' {
		return audit.ErrNotEvent
	}
	event, err := u.decoder.Decode(text)
	if errors.Is(err, audit.ErrNotEvent) || errors.Is(err, audit.ErrCut) {
		return err
	}
	yield(Found{Event: event, Format: FormatAudit})
	return nil
}
