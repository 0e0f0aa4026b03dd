// Package ledger holds what was sent to a real API server against what was found
// of it. Whoever sends the requests writes down, for each, which events it must
// leave in the audit log and what they amount to; nothing in this package knows
// how kubeanon judges.
package ledger

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Request is a request as it was sent, and what is expected of it.
type Request struct {
	Phase  string `json:"phase"` // the state that the cluster was in
	Kind   string `json:"kind"`  // what is special about it
	Actor  string `json:"actor"` // whose credentials it bore, "nobody" for none
	Method string `json:"method"`
	Path   string `json:"path"`
	Status int    `json:"status"` // of the answer; 0 if there was none

	// AuditID is what the API server named it, or what the client chose. It is
	// empty for what the server answered before it audits.
	AuditID string `json:"audit_id,omitempty"`

	// Hits are the events that must be found, in no order.
	Hits []Hit `json:"hits,omitempty"`
}

// Hit is an event that must be found.
type Hit struct {
	Stage    string `json:"stage"`
	Class    string `json:"class"`
	Outcome  string `json:"outcome"`
	Category string `json:"category"`
	Binding  string `json:"binding,omitempty"` // that let it in
	SrcIP    string `json:"src_ip,omitempty"`
}

// Found is an event that was found, by the names of kubeanon's fields.
type Found struct {
	AuditID  string `json:"audit_id"`
	Stage    string `json:"stage"`
	Class    string `json:"anonymous_class"`
	Outcome  string `json:"outcome"`
	Category string `json:"category"`
	Binding  string `json:"rbac_binding"`
	SrcIP    string `json:"src_ip"`
}

// Difference says how far what was found is what was expected.
type Difference struct {
	Requests int // in the ledger
	Expected int // events that must be found
	Found    int // events that were found
	Missed   []string
	Extra    []string
	Wrong    []string // found, but judged otherwise
}

// Exact reports whether there is no difference.
func (d *Difference) Exact() bool {
	return len(d.Missed) == 0 && len(d.Extra) == 0 && len(d.Wrong) == 0
}

func (d *Difference) String() string {
	return fmt.Sprintf("%d requests, %d events expected, %d found: missed %d, extra %d, judged otherwise %d",
		d.Requests, d.Expected, d.Found, len(d.Missed), len(d.Extra), len(d.Wrong))
}

// Compare holds what was found against the ledger. Events belong together by
// audit ID and stage; several requests may share an ID, since clients choose it.
func Compare(requests []Request, found []Found) Difference {
	type key struct{ id, stage string }
	d := Difference{Requests: len(requests), Found: len(found)}
	want, about := map[key][]Hit{}, map[key]string{}
	for _, r := range requests {
		for _, hit := range r.Hits {
			k := key{r.AuditID, hit.Stage}
			want[k] = append(want[k], hit)
			about[k] = fmt.Sprintf("%s, %s: %s %.80q by %s, answered with %d", r.Phase, r.Kind, r.Method, r.Path, r.Actor, r.Status)
			d.Expected++
		}
	}
	got := map[key][]Hit{}
	for _, f := range found {
		k := key{f.AuditID, f.Stage}
		got[k] = append(got[k], Hit{Stage: f.Stage, Class: f.Class, Outcome: f.Outcome, Category: f.Category, Binding: f.Binding, SrcIP: f.SrcIP})
	}
	for k, hits := range want {
		left := got[k]
		var unlike []Hit
		for _, hit := range hits {
			if i := slices.Index(left, hit); i >= 0 {
				left = slices.Delete(slices.Clone(left), i, i+1)
			} else {
				unlike = append(unlike, hit)
			}
		}
		for _, hit := range unlike {
			if len(left) == 0 {
				d.Missed = append(d.Missed, fmt.Sprintf("%s: %+v", about[k], hit))
				continue
			}
			d.Wrong = append(d.Wrong, fmt.Sprintf("%s: %+v, want %+v", about[k], left[0], hit))
			left = left[1:]
		}
		if len(left) == 0 {
			delete(got, k)
		} else {
			got[k] = left
		}
	}
	for k, hits := range got {
		for _, hit := range hits {
			d.Extra = append(d.Extra, fmt.Sprintf("audit ID %.80q: %+v", k.id, hit))
		}
	}
	slices.Sort(d.Missed)
	slices.Sort(d.Wrong)
	slices.Sort(d.Extra)
	return d
}

// Read reads a ledger, a request a line.
func Read(r io.Reader) (requests []Request, err error) {
	return lines[Request](r)
}

// ReadFound reads what "kubeanon scan --format ndjson" writes.
func ReadFound(r io.Reader) (found []Found, err error) {
	return lines[Found](r)
}

func lines[T any](r io.Reader) (all []T, err error) {
	in := bufio.NewScanner(r)
	in.Buffer(nil, 64<<20) // an event can be as large as an object of the cluster
	for in.Scan() {
		if strings.TrimSpace(in.Text()) == "" {
			continue
		}
		var one T
		if err := json.Unmarshal(in.Bytes(), &one); err != nil {
			return nil, fmt.Errorf("line %d: %w", len(all)+1, err)
		}
		all = append(all, one)
	}
	return all, in.Err()
}

// Write writes a ledger.
func Write(w io.Writer, requests []Request) error {
	out := json.NewEncoder(w)
	for _, r := range requests {
		if err := out.Encode(r); err != nil {
			return err
		}
	}
	return nil
}
