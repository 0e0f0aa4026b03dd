package audit

import (
	"bytes"
	"errors"
	"strings"

	jsoniter "github.com/json-iterator/go"
)

var (
	// ErrNotEvent says that the text is well-formed JSON, but no audit event.
	ErrNotEvent = errors.New("no audit event")
	// ErrCut says that the text began as JSON and ended or broke before it
	// named an identity: whether it is anonymous cannot be known.
	ErrCut = errors.New("cut before the identity")
)

// Decoder reads one event after the other. The zero value is ready. It is not
// safe for concurrent use.
type Decoder struct {
	// Objects makes the decoder keep the request and response objects of every
	// event, which it copies. Those of an anonymous user are always kept.
	Objects bool

	cursor
	ev       Event
	seen     uint32 // one bit per key of the event that was met
	userDone bool   // the whole of a user object was read
	broken   bool   // a member that is JSON in a string breaks off
	depth    int    // strings in strings

	// What was read of the text, unescaped, until all of it is known.
	scratch []byte
	spans   [numTexts]span
	lists   [numLists][]span
}

// The keys of an event that are read, in the order in which the API server
// writes them (k8s.io/apiserver pkg/apis/audit/v1/types.go).
var eventKeys = [...]string{
	"kind", "apiVersion", "level", "auditID", "stage", "requestURI", "verb", "user", "impersonatedUser", "sourceIPs",
	"userAgent", "objectRef", "responseStatus", "requestObject", "responseObject", "requestReceivedTimestamp", "stageTimestamp", "annotations",
}

const (
	keyKind = iota
	keyAPIVersion
	keyLevel
	keyAuditID
	keyStage
	keyRequestURI
	keyVerb
	keyUser
	keyImpersonatedUser
	keySourceIPs
	keyUserAgent
	keyObjectRef
	keyResponseStatus
	keyRequestObject
	keyResponseObject
	keyRequestReceivedTimestamp
	keyStageTimestamp
	keyAnnotations
)

// Decode reads text, which must hold one JSON object and white space. The
// event is valid until the next call; the strings in it may be kept, and text
// may be overwritten.
//
// The error is ErrNotEvent or ErrCut. A text that breaks after the identity is
// no error but a Partial event.
func (d *Decoder) Decode(text []byte) (*Event, error) {
	d.reset(text)
	if d.peek() != '{' {
		return nil, ErrNotEvent
	}
	whole := d.object(d.member) && d.peek() == 0 && d.at == len(text) // nothing but white space follows
	kind, apiVersion := d.content(d.spans[textKind]), d.content(d.spans[textAPIVersion])
	isEvent := string(kind) != "EventList" && string(kind) != "Policy" && (bytes.HasPrefix(apiVersion, []byte("audit.k8s.io/")) ||
		len(apiVersion) == 0 && d.met(keyAuditID) && d.met(keyStage) && d.met(keyUser))
	switch {
	case whole && !isEvent:
		return nil, ErrNotEvent
	case !isEvent:
		return nil, ErrCut
	}
	d.fill()
	if !whole || d.broken {
		if name, group := d.ev.User.Anonymous(); !d.userDone && !name && !group {
			return nil, ErrCut
		}
		d.ev.Partial = true
	}
	return &d.ev, nil
}

func (d *Decoder) reset(text []byte) {
	if d.iter == nil {
		d.iter = jsoniter.NewIterator(jsoniter.ConfigDefault)
	}
	if d.skipped == nil || cap(d.skipped) > maxSkipped {
		d.skipped = make([]byte, 0, 1<<10) // json-iterator wants one that is not nil
	}
	*d = Decoder{
		Objects: d.Objects,
		cursor:  cursor{text: text, iter: d.iter, unescaped: d.unescaped[:0], skipped: d.skipped},
		scratch: d.scratch[:0],
		lists:   [...][]span{d.lists[0][:0], d.lists[1][:0], d.lists[2][:0]},
	}
}

// span is a piece of the scratch.
type span struct{ from, to int }

func (d *Decoder) content(s span) []byte { return d.scratch[s.from:s.to] }

// keep copies content to the scratch.
func (d *Decoder) keep(content []byte) span {
	from := len(d.scratch)
	d.scratch = append(d.scratch, content...)
	return span{from, len(d.scratch)}
}

// The texts of an event. Those of one object follow each other in the order of its
// keys.
const (
	textKind = iota
	textAPIVersion
	textLevel
	textAuditID
	textStage
	textRequestURI
	textVerb
	textUserAgent
	textRequestReceivedTimestamp
	textStageTimestamp

	textUser // username, then uid
	textUserUID
	textImpersonatedUser
	textImpersonatedUID

	textResource // of objectRefKeys
	textNamespace
	textName
	textAPIGroup
	textObjectVersion
	textSubresource

	textCode // of responseStatusKeys
	textStatus
	textMessage
	textReason

	textDecision // of annotationKeys
	textAuthorizerReason
	textLoginDecision
	textLoginUser
	textTruncated

	numTexts
)

// The lists.
const (
	listGroups = iota
	listImpersonatedGroups
	listSourceIPs
	numLists
)

// plainTexts are the keys of an event whose values are texts; the other keys have
// readers of their own in member.
var plainTexts = [...]struct{ key, text int }{
	{keyKind, textKind}, {keyAPIVersion, textAPIVersion}, {keyLevel, textLevel}, {keyAuditID, textAuditID}, {keyStage, textStage},
	{keyRequestURI, textRequestURI}, {keyVerb, textVerb}, {keyUserAgent, textUserAgent},
	{keyRequestReceivedTimestamp, textRequestReceivedTimestamp}, {keyStageTimestamp, textStageTimestamp},
}

// textOf is the text of a key of plainTexts, -1 for any other key.
var textOf = func() (of [len(eventKeys)]int) {
	for key := range of {
		of[key] = -1
	}
	for _, p := range plainTexts {
		of[p.key] = p.text
	}
	return of
}()

// fill makes the event of what was read: one string holds all of its texts.
func (d *Decoder) fill() {
	all := string(d.scratch)
	text := func(i int) string { return all[d.spans[i].from:d.spans[i].to] }
	list := func(i int) (list []string) {
		if len(d.lists[i]) > 0 {
			list = make([]string, 0, len(d.lists[i]))
		}
		for _, s := range d.lists[i] {
			list = append(list, all[s.from:s.to])
		}
		return list
	}
	ev := &d.ev
	ev.Level, ev.AuditID, ev.Stage = text(textLevel), text(textAuditID), text(textStage)
	ev.RequestURI, ev.Verb, ev.UserAgent = text(textRequestURI), text(textVerb), text(textUserAgent)
	ev.RequestReceivedTimestamp, ev.StageTimestamp = text(textRequestReceivedTimestamp), text(textStageTimestamp)
	ev.User = User{Username: text(textUser), UID: text(textUserUID), Groups: list(listGroups)}
	ev.ImpersonatedUser = User{Username: text(textImpersonatedUser), UID: text(textImpersonatedUID), Groups: list(listImpersonatedGroups)}
	ev.SourceIPs = list(listSourceIPs)
	ev.ObjectRef = ObjectRef{
		Resource: text(textResource), Namespace: text(textNamespace), Name: text(textName),
		APIGroup: text(textAPIGroup), APIVersion: text(textObjectVersion), Subresource: text(textSubresource),
	}
	ev.ResponseStatus = ResponseStatus{Code: text(textCode), Status: text(textStatus), Message: text(textMessage), Reason: text(textReason)}
	ev.Annotations = Annotations{
		Decision: text(textDecision), Reason: text(textAuthorizerReason),
		LoginDecision: text(textLoginDecision), LoginUser: text(textLoginUser), Truncated: text(textTruncated),
	}
	name, group := ev.User.Anonymous()
	if d.Objects || name || group {
		ev.RequestObject, ev.ResponseObject = bytes.Clone(ev.RequestObject), bytes.Clone(ev.ResponseObject)
	} else {
		ev.RequestObject, ev.ResponseObject = nil, nil
	}
}

func (d *Decoder) met(key int) bool { return d.seen&(1<<key) != 0 }

// member reads one member of the event.
func (d *Decoder) member(name []byte) bool {
	key := lookup(eventKeys[:], name, &d.ev.Tampered)
	if key < 0 {
		d.ev.Extended = true
		return d.flattened(name)
	}
	if d.met(key) {
		d.ev.Tampered = true
	}
	d.seen |= 1 << key
	switch key {
	case keyUser:
		return d.readUser()
	case keyImpersonatedUser:
		return d.user(textImpersonatedUser, listImpersonatedGroups)
	case keySourceIPs:
		d.lists[listSourceIPs] = d.lists[listSourceIPs][:0]
		return d.form(func() bool { return d.list(listSourceIPs) })
	case keyObjectRef:
		return d.textsOf(objectRefKeys[:], textResource)
	case keyResponseStatus:
		return d.status()
	case keyAnnotations:
		return d.textsOf(annotationKeys[:], textDecision)
	case keyRequestObject:
		return d.body(&d.ev.RequestObject)
	case keyResponseObject:
		return d.body(&d.ev.ResponseObject)
	}
	if textOf[key] < 0 {
		panic("BUG: the key " + eventKeys[key] + " has no reader")
	}
	return d.readText(textOf[key])
}

// userKeys are the keys of a UserInfo, and two that others use for the name.
var userKeys = [...]string{"username", "uid", "groups", "name", "id"}

const (
	userUsername = iota
	userUID
	userGroups
	userName
	userID
)

// The keys of other objects, in the order of the fields of their types.
var (
	objectRefKeys      = [...]string{"resource", "namespace", "name", "apiGroup", "apiVersion", "subresource"}
	responseStatusKeys = [...]string{"code", "status", "message", "reason"}
	annotationKeys     = [...]string{
		"authorization.k8s.io/decision", "authorization.k8s.io/reason",
		"authentication.openshift.io/decision", "authentication.openshift.io/username", "audit.k8s.io/truncated",
	}
)

// textsOf reads an object of texts: for each of keys into the text at its
// place, counted from first.
func (d *Decoder) textsOf(keys []string, first int) bool {
	return d.form(func() bool { return d.keyed(keys, func(key int) bool { return d.readText(first + key) }) })
}

// body reads a value as it is written. It points into the text until fill.
func (d *Decoder) body(dst *[]byte) bool {
	d.peek()
	from := d.at
	ok := d.skip()
	if ok {
		*dst = d.text[from:d.at]
	}
	return ok
}

// keyed reads an object and calls read for each member that keys names. Anything
// but an object is skipped.
func (d *Decoder) keyed(keys []string, read func(key int) bool) bool {
	if d.peek() != '{' {
		return d.skip()
	}
	var seen uint32
	return d.object(func(name []byte) bool {
		key := lookup(keys, name, &d.ev.Tampered)
		if key < 0 {
			key = dedotted(keys, name)
		}
		if key < 0 {
			return d.skip()
		}
		if seen&(1<<key) != 0 {
			d.ev.Tampered = true
		}
		seen |= 1 << key
		return read(key)
	})
}

// lookup finds name among keys, first exactly, then in any letter case. That
// sets tampered, unless the name is all in lower case, as Athena and Glue write
// every key. It returns -1 if name is not one of them.
func lookup(keys []string, name []byte, tampered *bool) int {
	for i, key := range keys {
		if string(name) == key {
			return i
		}
	}
	for i, key := range keys {
		if strings.EqualFold(string(name), key) {
			*tampered = *tampered || !lowerCase(name)
			return i
		}
	}
	return -1
}

// lowerCase reports whether name is ASCII without capitals.
func lowerCase(name []byte) bool {
	for _, c := range name {
		if c >= 'A' && c <= 'Z' || c > '~' {
			return false
		}
	}
	return true
}

// readText reads a string, or a number as it is written. Anything else is
// skipped and leaves the text alone, and so does a value that is cut.
func (d *Decoder) readText(text int) bool {
	switch c := d.peek(); {
	case c == '"':
		content, ok := d.string()
		if ok {
			d.spans[text] = d.keep(content)
		}
		return ok
	case c == '-' || c >= '0' && c <= '9':
		from := d.at
		ok := d.skip()
		if ok {
			d.spans[text] = d.keep(d.text[from:d.at])
		}
		return ok
	}
	return d.skip()
}

// list appends the strings of an array, or one bare string as shippers that
// flatten arrays leave it, to a list.
func (d *Decoder) list(list int) bool {
	one := func() bool {
		if d.peek() != '"' {
			return d.skip()
		}
		content, ok := d.string()
		if ok {
			d.lists[list] = append(d.lists[list], d.keep(content))
		}
		return ok
	}
	return d.form(func() bool {
		if d.peek() == '[' {
			return d.array(one)
		}
		return one()
	})
}
