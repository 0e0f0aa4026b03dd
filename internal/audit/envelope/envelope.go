// Package envelope finds the audit events in a text: the event itself, and
// what shippers wrap around it. One file per format; the table of formats is
// in envelope.go.
//
// A wrapper is known by its shape, never by a sourcetype, which users change.
// What it carries may be an object, an array, a string that holds JSON, or
// base64, compressed or not; it is unwrapped again, to a bounded depth and
// size. A format that is an audit event in another dialect (GKE) is translated
// to the same Event, so that judgement sees no difference.
//
// To add a format: a file with its shape and what it carries, a line in
// formats, a folder in testdata with an example, and its expected events.
package envelope

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
)

var (
	// ErrLimit says that a text goes beyond the limits of this package.
	ErrLimit = errors.New("too deep or too large")
	// ErrDialect says that a text is a record of another kind that tells of
	// requests to an API server, too, but is no audit event.
	ErrDialect = errors.New("another kind of record")
)

// Found is one event of a text.
type Found struct {
	Event   *audit.Event // valid until yield returns
	Format  string       // the wrappers from the outside in, such as "hec>cloudwatch"; "audit" without one
	Cluster string       // what a wrapper calls the cluster; empty if none does
}

// Unwrapper unwraps one text after the other. The zero value is ready. It is
// not safe for concurrent use.
type Unwrapper struct {
	// Objects makes it keep the request and response objects of events.
	Objects bool

	decoder  audit.Decoder
	yield    func(Found)
	events   int
	unpacked int
	err      error // why something of the text was not judged
}

// FormatAudit is an event as the API server writes it to its log.
const FormatAudit = "audit"

// format is a kind of wrapper.
type format struct {
	name string
	list bool // it may hold several events, so that a cut loses some even if there are others
	// unwrap reports whether the object is of this kind, and hands on what it
	// carries.
	unwrap func(u *Unwrapper, o object, at place) bool
}

// formats is ordered from the most particular shape to the most general. It is
// filled by init because unwrapping is recursive.
var formats []format

func init() {
	formats = []format{
		{"eventlist", true, eventList},
		{"gke", false, gke},
		{"cloudwatch", true, cloudWatch},
		{"lambda", false, lambda},
		{"falco", false, falco}, {"rancher", false, rancher}, {"ocsf", false, ocsf},
		{"aks", false, aks},
		{"eventhub", true, eventHub},
		{"otel", true, otel},
		{"hec", false, hec},
		{"sns", false, sns},
		{"docker", false, docker},
		{"kinesis", false, kinesis},
		{"pubsub", false, pubsub},
		{"splunk", false, splunkExport},
		{"message", false, message},
	}
}

// place says where in a text a value stands.
type place struct {
	depth   int
	format  string // the wrappers so far
	cluster string
	wrapper string // the kind of wrapper that is looked at
}

// in is the place inside a wrapper.
func (p place) in(format, cluster string) place {
	p.depth++
	switch {
	case format == "":
	case p.format == "":
		p.format = format
	default:
		p.format += ">" + format
	}
	if cluster != "" {
		p.cluster = cluster
	}
	return p
}

// Unwrap calls yield for each event of text. The error says why something of
// the text could not be judged: audit.ErrCut, ErrLimit or ErrDialect, even if
// there were events beside it, or audit.ErrNotEvent if there is nothing in it.
func (u *Unwrapper) Unwrap(text []byte, yield func(Found)) error {
	u.yield, u.events, u.unpacked, u.err = yield, 0, 0, nil
	u.decoder.Objects = u.Objects
	u.text(text, place{})
	u.yield = nil
	if u.err == nil && u.events == 0 {
		return audit.ErrNotEvent
	}
	return u.err
}

// fail notes the gravest reason: a limit, then a cut, then another kind of
// record, which must not hide that something beside it was cut.
func (u *Unwrapper) fail(err error) {
	if u.err == nil || u.err == ErrDialect || err == ErrLimit {
		u.err = err
	}
}

func (u *Unwrapper) emit(ev *audit.Event, at place) {
	if u.events == maxEvents {
		u.fail(ErrLimit)
		return
	}
	u.events++
	format := at.format
	if format == "" {
		format = FormatAudit
	}
	u.yield(Found{Event: ev, Format: format, Cluster: at.cluster})
}

// grow accounts for bytes that were unpacked, and reports whether there may be
// more.
func (u *Unwrapper) grow(n int) bool {
	u.unpacked += n
	if u.unpacked > maxUnpacked {
		u.fail(ErrLimit)
		return false
	}
	return true
}

var (
	byteOrderMark = []byte("\xef\xbb\xbf")
	gzipMagic     = []byte("\x1f\x8b") // RFC 1952
)

// text unwraps a text of any form, which may hold several values.
func (u *Unwrapper) text(text []byte, at place) {
	if at.depth > maxDepth {
		u.fail(ErrLimit)
		return
	}
	switch unpacked, ok := unbase64(text); {
	case ok:
		if u.grow(len(unpacked)) {
			u.text(unpacked, at.in("", ""))
		}
		return
	case bytes.HasPrefix(text, gzipMagic):
		u.gzip(text, at)
		return
	}
	text = bytes.TrimSpace(bytes.TrimPrefix(text, byteOrderMark))
	if audit.Plain(text) {
		// Nearly always this is all of the text: no need to look for its end.
		if ev, err := u.decoder.Decode(text); err == nil && !ev.Partial {
			u.event(ev, text, at)
			return
		}
	}
	here := at // of the next value: a prefix belongs to one line
	for len(text) > 0 && u.err != ErrLimit {
		switch text[0] {
		case '{', '[':
			n, closed := audit.End(text)
			u.value(text[:n], closed, here)
			text, here = text[n:], at
		case '"':
			u.carried(text, at.in("", ""))
			return
		default:
			n, name := prefix(text)
			if n < 0 {
				return
			}
			text = text[n:]
			here.format = at.in(name, "").format
			continue
		}
		// What stands behind a value: nothing, a comma of a list that was taken
		// apart, or the next value where lines were not broken.
		text = bytes.TrimLeft(text, ", \t\r\n")
	}
}

// value unwraps an object or an array.
func (u *Unwrapper) value(text []byte, closed bool, at place) {
	if text[0] == '[' {
		at = at.in("array", "")
		if at.depth > maxDepth {
			u.fail(ErrLimit)
			return
		}
		u.elements(text, at)
		if !closed {
			u.fail(audit.ErrCut)
		}
		return
	}
	ev, err := u.decoder.Decode(text)
	if err == nil {
		u.event(ev, text, at)
		return
	}
	events := u.events
	o := membersOf(text)
	i := slices.IndexFunc(formats, func(f format) bool { return f.unwrap(u, o, at.named(f.name)) })
	switch {
	case i < 0 && errors.Is(err, audit.ErrCut): // perhaps it was going to be an event
		u.fail(audit.ErrCut)
	case i >= 0 && !closed && (formats[i].list || u.events == events):
		u.fail(audit.ErrCut)
	}
}

// named keeps the name of a format for wrappers that serve several; see wrap.
func (p place) named(name string) place {
	p.wrapper = name
	return p
}

// elements unwraps each element of an array.
func (u *Unwrapper) elements(list []byte, at place) {
	audit.Elements(list, func(element []byte) bool {
		u.carried(element, at)
		return u.err != ErrLimit
	})
}

// event emits an event, in the dialects whose shape is that of an event.
func (u *Unwrapper) event(ev *audit.Event, text []byte, at place) {
	if ev.Tampered {
		if row, ok := u.aksTable(text); ok {
			u.emit(row, at.in("aksaudit", ""))
			return
		}
		// The other reading has used the decoder.
		ev, _ = u.decoder.Decode(text)
	}
	switch {
	case ev.Level == openshiftLevel:
		at = at.in("openshift", openshiftCluster(text))
	case ev.User.Username == "" && isRancher(text):
		u.fail(ErrDialect)
		return
	}
	u.emit(ev, at)
}

// wrap hands on what a wrapper carries, in any form.
func (u *Unwrapper) wrap(value []byte, cluster string, at place) {
	u.carried(value, at.in(at.wrapper, cluster))
}

// carried unwraps a value of a wrapper: an object, an array, or a string that
// holds text of any form. Other values carry nothing.
func (u *Unwrapper) carried(value []byte, at place) {
	if len(value) == 0 {
		return
	}
	switch value[0] {
	case '{', '[':
		u.text(value, at)
	case '"':
		if text := audit.Unquote(value); u.grow(len(text)) {
			u.text(text, at)
		}
	}
}

// gzip unwraps what gzip holds. What was unpacked before a fault counts.
func (u *Unwrapper) gzip(packed []byte, at place) {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return
	}
	text, err := io.ReadAll(io.LimitReader(r, int64(maxUnpacked-u.unpacked)+1))
	if u.grow(len(text)) {
		u.text(text, at.in("", ""))
	}
	if err != nil {
		u.fail(audit.ErrCut)
	}
}

// unbase64 decodes base64 that begins as JSON or gzip does.
func unbase64(text []byte) ([]byte, bool) {
	if !audit.Packed(text) {
		return nil, false
	}
	text = bytes.TrimRight(bytes.Join(bytes.Fields(text), nil), "=")
	encoding := base64.RawStdEncoding
	if bytes.ContainsAny(text, "-_") {
		encoding = base64.RawURLEncoding
	}
	out := make([]byte, encoding.DecodedLen(len(text)))
	n, err := encoding.Decode(out, text)
	return out[:n], err == nil || n > 0 && bytes.HasPrefix(text, []byte("ey"))
}

// object is a wrapper: its members in order, as they stand.
type object struct{ members []member }

type member struct {
	name  string
	value []byte
}

func membersOf(text []byte) (o object) {
	audit.Members(text, func(name string, value []byte) bool {
		o.members = append(o.members, member{name, value})
		return len(o.members) < maxMembers
	})
	return o
}

// get is the value of a member as it stands; nil if there is none.
func (o object) get(name string) []byte {
	for _, m := range o.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// has reports whether all the names are members.
func (o object) has(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return o.get(name) == nil })
}

// hasAny reports whether one of the names is a member.
func (o object) hasAny(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return o.get(name) != nil })
}

// object is the members of a member that is an object itself.
func (o object) object(name string) object { return membersOf(o.get(name)) }

// string is the content of a member that is a string; empty if it is none.
func (o object) string(name string) string {
	value := o.get(name)
	if len(value) == 0 || value[0] != '"' {
		return ""
	}
	return string(audit.Unquote(value))
}

// is reports what a member begins with: '{', '[' or '"'.
func (o object) is(name string, first byte) bool {
	value := o.get(name)
	return len(value) > 0 && value[0] == first
}

// path splits a name at slashes.
func path(name string) []string { return strings.Split(strings.Trim(name, "/"), "/") }
