package replay

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"

	"github.com/kubeanon/kubeanon/internal/splunk/hec"
	"github.com/kubeanon/kubeanon/internal/splunk/scs"
)

// HEC is the sink of an HTTP Event Collector.
type HEC struct{ *hec.Client }

// Add adds an event to the batch.
func (s HEC) Add(r Record) {
	set := r.Dataset
	s.Client.Add(hec.Event{Text: r.Text, Time: r.Time, Host: set.Host, Source: set.Source, Sourcetype: set.Sourcetype, Index: set.Index})
}

// Full reports whether the batch is large enough.
func (s HEC) Full() bool {
	events, size := s.Batch()
	return events >= hecEvents || size >= hecSize
}

// SCS is the sink of Splunk Cloud Services.
type SCS struct {
	*scs.Client
	Sourcetype string // of data sets that name none
}

// Add adds an event to the batch.
func (s SCS) Add(r Record) {
	set := r.Dataset
	s.Client.Add(scs.Event{
		Text: r.Text, ID: identity(r.Text), Time: r.Time, Host: set.Host, Source: set.Source, Sourcetype: cmp.Or(set.Sourcetype, s.Sourcetype),
	})
}

// identity is by what a service knows that an event came before: its audit ID
// and stage, and a hash of all of it. Without the hash a client of the API
// server, which can choose the audit ID, could have its requests taken for one.
func identity(text []byte) string {
	var e struct{ AuditID, Stage string }
	_ = json.Unmarshal(text, &e) // a wrapped event has neither
	sum := sha256.Sum256(text)
	id := hex.EncodeToString(sum[:16])
	if e.AuditID != "" {
		id = fmt.Sprintf("%.64s/%.32s/%s", e.AuditID, e.Stage, id)
	}
	return id
}

// File is the sink of a file: the events, one a line.
type File struct{ w *bufio.Writer }

// NewFile makes a sink of what it writes to.
func NewFile(w io.Writer) File { return File{bufio.NewWriterSize(w, 1<<16)} }

// Add writes an event.
func (s File) Add(r Record) {
	_, _ = s.w.Write(r.Text) // Flush tells
	_ = s.w.WriteByte('\n')
}

// Full is never true: the writer flushes by itself.
func (s File) Full() bool { return false }

// Flush writes what is left.
func (s File) Flush(_ context.Context, confirmed func()) error {
	if err := s.w.Flush(); err != nil {
		return err
	}
	confirmed()
	return nil
}

// Settle has nothing to wait for.
func (s File) Settle(context.Context) error { return nil }
