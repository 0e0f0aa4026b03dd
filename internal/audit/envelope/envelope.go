// Package envelope finds the audit events in a text: the event itself, and
// what shippers wrap around it. One file per vendor or kind of shipper; the
// table of formats is in envelope.go.
//
// A wrapper is known by its shape, never by a sourcetype, which users change.
// What it carries may be an object, an array, a string that holds JSON, or
// base64, compressed or not; it is unwrapped again, to a bounded depth and
// size. A format that is an audit event in another dialect (GKE) is translated
// to the same Event, so that judgement sees no difference.
//
// Named formats come first, since they know how a vendor calls the cluster. What
// they leave is walked (walk.go): an event is found under any key. Packed text
// that cannot be unpacked, and a record that names anonymous and yields no
// event, are errors, so that nothing is passed over in silence.
//
// To add a format: a function in the file of its vendor with its shape and what
// it carries, a line in formats, a folder in testdata with an example, and its
// expected events.
package envelope

import (
	"bytes"
	"errors"
	"hash/maphash"

	"github.com/kubeanon/kubeanon/internal/audit"
)

var (
	// ErrLimit says that a text goes beyond the limits of this package.
	ErrLimit = errors.New("too deep or too large")
	// ErrPacked says that packed text could not be unpacked.
	ErrPacked = errors.New("packed text that cannot be unpacked")
	// ErrUnread says that a record names anonymous, and that no audit event was
	// found in it.
	ErrUnread = errors.New("names anonymous, but holds no audit event")
	// ErrDialect says that a text is a record of another kind that tells of
	// requests to an API server, too, but is not an audit event.
	ErrDialect = errors.New("another kind of record")
)

// gravity orders the errors: of several the gravest is returned, so that a
// record of another kind does not hide that something next to it was cut.
var gravity = map[error]int{ErrDialect: 1, ErrUnread: 2, audit.ErrCut: 3, ErrPacked: 4, ErrLimit: 5}

// Found is one event of a text.
type Found struct {
	Event   *audit.Event // valid until yield returns
	Text    []byte       // of the event, valid until yield returns; nil in a dialect
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
	values   int     // objects and arrays that were looked at
	settled  int     // complete objects that surely are not events
	tried    []*byte // the values that a format has followed, by their first byte
	faulty   bool    // inside packed text that breaks off
	err      error   // why something of the text was not judged

	// See walk.go.
	frames []frame
	hashes []uint64
	hash   maphash.Hash
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

// place says where in a text a value is.
type place struct {
	depth   int
	format  string // the wrappers so far
	cluster string
	wrapper string // the kind of wrapper that is looked at
	record  bool   // texts here are records, each of which has to yield an event if it names anonymous
}

// in is the place inside a wrapper.
func (p place) in(format string) place {
	p.depth++
	p.record = false
	switch {
	case format == "":
	case p.format == "":
		p.format = format
	default:
		p.format += ">" + format
	}
	return p
}

// known is the place with the cluster that a wrapper names, if it names one.
func (p place) known(cluster string) place {
	if cluster != "" {
		p.cluster = cluster
	}
	return p
}

// named keeps the name of a format for wrappers that serve several; see wrap.
func (p place) named(name string) place {
	p.wrapper = name
	return p
}

// Unwrap calls yield for each event of text. The error says why something of
// the text could not be judged: audit.ErrCut, ErrLimit, ErrPacked, ErrUnread or
// ErrDialect, even if there were events next to it, or audit.ErrNotEvent if there
// is nothing in it.
func (u *Unwrapper) Unwrap(text []byte, yield func(Found)) error {
	u.yield, u.events, u.unpacked, u.values, u.settled, u.err = yield, 0, 0, 0, 0, nil
	u.tried, u.frames, u.hashes = u.tried[:0], u.frames[:0], u.hashes[:0]
	u.decoder.Objects = u.Objects
	u.text(text, place{record: true})
	u.yield = nil
	if u.err == nil && u.events == 0 {
		return audit.ErrNotEvent
	}
	return u.err
}

// fail notes why something was not judged.
func (u *Unwrapper) fail(err error) {
	if gravity[err] > gravity[u.err] {
		u.err = err
	}
}

// emit yields an event, unless a member of the same wrapper held the same one.
func (u *Unwrapper) emit(ev *audit.Event, text []byte, at place) {
	if u.events == maxEvents {
		u.fail(ErrLimit)
		return
	}
	if u.faulty && ev.Partial {
		u.fail(ErrPacked)
		return
	}
	u.events++
	if at.depth > 0 && u.isCopy(ev) {
		return
	}
	format := at.format
	if format == "" {
		format = FormatAudit
	}
	u.yield(Found{Event: ev, Text: text, Format: format, Cluster: at.cluster})
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

// account calls unwrap, which unwraps a record and returns it. A record that
// names anonymous has to yield an event, or a reason why not.
func (u *Unwrapper) account(unwrap func() (record []byte)) {
	events, settled, err := u.events, u.settled, u.err
	u.err = nil
	record := unwrap()
	if u.err == nil && u.events == events && u.settled == settled && audit.Candidate(record) {
		u.err = ErrUnread
	}
	inner := u.err
	u.err = err
	u.fail(inner)
}

// text unwraps a text of any form, which may hold several values.
func (u *Unwrapper) text(text []byte, at place) {
	if at.depth > maxDepth {
		u.fail(ErrLimit)
		return
	}
	if audit.Compressed(text) {
		u.decompress(text, at)
		return
	}
	text = clean(text)
	if audit.Plain(text) {
		// Nearly always this is all of the text: no need to look for its end.
		if ev, err := u.decoder.Decode(text); err == nil && !ev.Partial {
			u.event(ev, text, at)
			return
		}
	}
	if from, to := audit.FindPacked(text[:min(len(text), packedHead)]); from == 0 && to > 0 && isBase64(text) {
		u.decode(text, at)
		return
	}
	for len(text) > 0 && u.err != ErrLimit {
		n := 0
		if at.record {
			u.account(func() []byte {
				n = u.next(text, at)
				return text[:n]
			})
		} else {
			n = u.next(text, at)
		}
		// What follows a value: nothing, a comma of a list that was taken
		// apart, or the next value where lines were not broken.
		text = bytes.TrimLeft(text[n:], ", \t\r\n\x00")
	}
}

// next unwraps what text begins with, a value, or a line that may hold some, and
// returns its length.
func (u *Unwrapper) next(text []byte, at place) int {
	if begins(text) {
		n, closed := audit.End(text)
		u.value(text[:n], closed, at)
		return n
	}
	if text[0] == '"' {
		if n := audit.StringEnd(text); n < 0 || endsString(text[n:]) {
			if n < 0 {
				n = len(text)
			}
			u.carried(text[:n], at.in(""))
			return n
		}
	}
	return u.line(text, at)
}

// value unwraps an object or an array.
func (u *Unwrapper) value(text []byte, closed bool, at place) {
	if u.values++; u.values > maxValues {
		u.fail(ErrLimit)
		return
	}
	if text[0] == '[' {
		u.array(text, closed, at)
		return
	}
	ev, err := u.decoder.Decode(text)
	if err == nil {
		u.event(ev, text, at)
		return
	}
	o := membersOf(text)
	if closed && isResource(o) {
		u.settled++
		return
	}
	at = at.known(clusterOf(o))
	before, hashes, tried, failed := u.events, len(u.hashes), len(u.tried), u.err
	known, list := false, false
	for _, f := range formats {
		if !f.unwrap(u, o, at.named(f.name)) {
			continue
		}
		known, list = true, list || f.list
		if u.events > before {
			break
		}
	}
	if known || !isCutEvent(o, err) {
		u.rest(o, u.tried[tried:], hashes, at)
	}
	u.tried = u.tried[:tried]
	found := u.events > before
	switch {
	case !closed && (list || !found), !found && !known && errors.Is(err, audit.ErrCut):
		u.fail(audit.ErrCut) // perhaps it was going to be an event
	case !found && isOther(o):
		if u.err == ErrUnread {
			u.err = failed // said of a part of it
		}
		u.fail(ErrDialect)
	}
}

// isCutEvent reports whether an object that did not decode would have been an
// event, so that nothing inside it is one.
func isCutEvent(o object, err error) bool {
	return errors.Is(err, audit.ErrCut) && (o.hasAny("auditID", "requestURI", "stageTimestamp") || bytes.HasPrefix([]byte(o.string("apiVersion")), []byte(auditGroup)))
}

// array unwraps an array: of values, or of pairs that stand for an object.
func (u *Unwrapper) array(text []byte, closed bool, at place) {
	if made, ok := pairs(text); ok && closed {
		if u.grow(len(made)) && at.depth < maxDepth {
			u.value(made, true, at.in(""))
		}
		return
	}
	at = at.in("array")
	if at.depth > maxDepth {
		u.fail(ErrLimit)
		return
	}
	u.elements(text, at)
	if !closed {
		u.fail(audit.ErrCut)
	}
}

// elements unwraps each element of an array. One that is an object is a record
// of its own.
func (u *Unwrapper) elements(list []byte, at place) {
	audit.Elements(list, func(element []byte) bool {
		if len(element) > 0 && element[0] == '{' {
			u.account(func() []byte {
				u.carried(element, at)
				return element
			})
		} else {
			u.carried(element, at)
		}
		return u.err != ErrLimit
	})
}

// event emits an event, in the dialects whose shape is that of an event.
func (u *Unwrapper) event(ev *audit.Event, text []byte, at place) {
	var o object
	if ev.Extended || ev.Tampered {
		o = membersOf(text)
		at = at.known(clusterOf(o))
	}
	if ev.Tampered {
		if row, ok := u.aksTable(text); ok {
			u.emit(row, text, at.in("aksaudit"))
			return
		}
		// The other reading has used the decoder.
		ev, _ = u.decoder.Decode(text)
		ev.Tampered = !lowerCase(text)
	}
	switch {
	case ev.Level == openshiftLevel || ev.Extended && isOpenshift(o):
		at = at.in("openshift")
	case ev.Extended && isRancher(o):
		u.fail(ErrDialect)
		return
	}
	u.emit(ev, text, at)
}

// wrap hands on what a wrapper carries, in any form.
func (u *Unwrapper) wrap(value []byte, at place) {
	u.carried(value, at.in(at.wrapper))
	u.try(value)
}

// try notes that a format has followed a value, so that the walk does not.
func (u *Unwrapper) try(value []byte) {
	if len(value) > 0 {
		u.tried = append(u.tried, &value[0])
	}
}

// carried unwraps a value of a wrapper: an object, an array, or a string that
// holds text of any form. Other values carry nothing.
func (u *Unwrapper) carried(value []byte, at place) {
	if len(value) == 0 {
		return
	}
	switch value[0] {
	case '{', '[':
		if at.depth > maxDepth {
			u.fail(ErrLimit)
			return
		}
		_, closed := audit.End(value)
		u.value(value, closed, at)
	case '"':
		if text := audit.Unquote(value); u.grow(len(text)) {
			u.text(text, at)
		}
	}
}
