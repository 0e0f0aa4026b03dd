package audit

import (
	"errors"
	"io"
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
	// Objects makes the decoder keep the request and response objects of an
	// event, which it copies.
	Objects bool

	iter *jsoniter.Iterator
	ev   Event
	seen uint32 // one bit per key of the event that was met

	apiVersion, kind string
	userDone         bool // the whole of a user object was read
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
	if d.iter == nil {
		d.iter = jsoniter.NewIterator(jsoniter.ConfigDefault)
	}
	*d = Decoder{Objects: d.Objects, iter: d.iter}
	it := d.iter
	it.ResetBytes(text)
	it.Error = nil
	if it.WhatIsNext() != jsoniter.ObjectValue {
		return nil, ErrNotEvent
	}
	it.ReadMapCB(d.member)
	whole := it.Error == nil
	if whole {
		it.WhatIsNext()
		whole = it.Error == io.EOF // nothing but white space follows
	}
	isEvent := d.kind != "EventList" && (strings.HasPrefix(d.apiVersion, "audit.k8s.io/") ||
		d.apiVersion == "" && d.met(keyAuditID) && d.met(keyStage) && d.met(keyUser))
	switch {
	case whole && isEvent:
		return &d.ev, nil
	case whole:
		return nil, ErrNotEvent
	case isEvent && d.identified():
		d.ev.Partial = true
		return &d.ev, nil
	default:
		return nil, ErrCut
	}
}

// identified reports whether what was read before the text broke settles who
// asked: a whole user, or a name that is anonymous whatever follows.
func (d *Decoder) identified() bool {
	name, group := d.ev.User.Anonymous()
	return d.userDone || name || group
}

func (d *Decoder) met(key int) bool { return d.seen&(1<<key) != 0 }

// member reads one member of the event.
func (d *Decoder) member(it *jsoniter.Iterator, name string) bool {
	if it.Error != nil {
		return false
	}
	key := lookup(eventKeys[:], name, &d.ev.Tampered)
	if key < 0 {
		it.Skip()
		return it.Error == nil
	}
	if d.met(key) {
		d.ev.Tampered = true
	}
	d.seen |= 1 << key
	ev := &d.ev
	switch key {
	case keyUser:
		d.userDone = false
		d.user(it, &ev.User)
		d.userDone = it.Error == nil
	case keyImpersonatedUser:
		d.user(it, &ev.ImpersonatedUser)
	case keySourceIPs:
		ev.SourceIPs = texts(it, nil)
	case keyObjectRef:
		ref := &ev.ObjectRef
		d.texts(it, objectRefKeys[:], &ref.Resource, &ref.Namespace, &ref.Name, &ref.APIGroup, &ref.APIVersion, &ref.Subresource)
	case keyResponseStatus:
		status := &ev.ResponseStatus
		d.texts(it, responseStatusKeys[:], &status.Code, &status.Status, &status.Message, &status.Reason)
	case keyRequestObject:
		d.keep(it, &ev.RequestObject)
	case keyResponseObject:
		d.keep(it, &ev.ResponseObject)
	case keyAnnotations:
		d.texts(it, annotationKeys[:], &ev.Annotations.Decision, &ev.Annotations.Reason)
	default:
		text(it, [...]*string{
			keyKind: &d.kind, keyAPIVersion: &d.apiVersion, keyLevel: &ev.Level, keyAuditID: &ev.AuditID, keyStage: &ev.Stage,
			keyRequestURI: &ev.RequestURI, keyVerb: &ev.Verb, keyUserAgent: &ev.UserAgent,
			keyRequestReceivedTimestamp: &ev.RequestReceivedTimestamp, keyStageTimestamp: &ev.StageTimestamp,
		}[key])
	}
	return it.Error == nil
}

var (
	userKeys           = [...]string{"username", "uid", "groups"}
	objectRefKeys      = [...]string{"resource", "namespace", "name", "apiGroup", "apiVersion", "subresource"}
	responseStatusKeys = [...]string{"code", "status", "message", "reason"}
	annotationKeys     = [...]string{"authorization.k8s.io/decision", "authorization.k8s.io/reason"}
)

// user reads a UserInfo into u. What u holds already comes from an earlier key
// of the same name: an anonymous name is kept, groups are joined.
func (d *Decoder) user(it *jsoniter.Iterator, u *User) {
	d.object(it, userKeys[:], func(key int) {
		switch key {
		case 0:
			var name string
			text(it, &name)
			if it.Error == nil && u.Username != Anonymous {
				u.Username = name
			}
		case 1:
			text(it, &u.UID)
		case 2:
			u.Groups = texts(it, u.Groups)
		}
	})
}

// texts reads an object of strings: for each of keys into the one of dst at the
// same place.
func (d *Decoder) texts(it *jsoniter.Iterator, keys []string, dst ...*string) {
	d.object(it, keys, func(key int) { text(it, dst[key]) })
}

// keep copies a value, or skips it if objects are not wanted.
func (d *Decoder) keep(it *jsoniter.Iterator, dst *[]byte) {
	if !d.Objects {
		it.Skip()
		return
	}
	if value := it.SkipAndReturnBytes(); it.Error == nil {
		*dst = value
	}
}

// object reads an object and calls read for each member that keys names; read
// must consume the value. Anything but an object is skipped.
func (d *Decoder) object(it *jsoniter.Iterator, keys []string, read func(key int)) {
	if it.WhatIsNext() != jsoniter.ObjectValue {
		it.Skip()
		return
	}
	var seen uint32
	it.ReadMapCB(func(it *jsoniter.Iterator, name string) bool {
		if it.Error != nil {
			return false
		}
		key := lookup(keys, name, &d.ev.Tampered)
		if key < 0 {
			it.Skip()
			return it.Error == nil
		}
		if seen&(1<<key) != 0 {
			d.ev.Tampered = true
		}
		seen |= 1 << key
		read(key)
		return it.Error == nil
	})
}

// lookup finds name among keys, first exactly, then in any letter case, which
// sets tampered. It returns -1 if name is none of them.
func lookup(keys []string, name string, tampered *bool) int {
	for i, key := range keys {
		if name == key {
			return i
		}
	}
	for i, key := range keys {
		if strings.EqualFold(name, key) {
			*tampered = true
			return i
		}
	}
	return -1
}

// text reads a string, or a number as it is written, into dst. Anything else
// is skipped and leaves dst alone, and so does a value that the text cuts.
func text(it *jsoniter.Iterator, dst *string) {
	var s string
	switch it.WhatIsNext() {
	case jsoniter.StringValue:
		s = it.ReadString()
	case jsoniter.NumberValue:
		s = string(it.ReadNumber())
	default:
		it.Skip()
		return
	}
	if it.Error == nil {
		*dst = s
	}
}

// texts appends the strings of an array, or one bare string as shippers that
// flatten arrays leave it, to dst.
func texts(it *jsoniter.Iterator, dst []string) []string {
	one := func(it *jsoniter.Iterator) bool {
		if it.WhatIsNext() != jsoniter.StringValue {
			it.Skip()
			return it.Error == nil
		}
		s := it.ReadString()
		if it.Error == nil {
			dst = append(dst, s)
		}
		return it.Error == nil
	}
	if it.WhatIsNext() == jsoniter.ArrayValue {
		it.ReadArrayCB(one)
	} else {
		one(it)
	}
	return dst
}
