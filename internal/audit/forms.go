package audit

import (
	"bytes"
	"strings"
)

// The functions of this file read members in the forms in which shippers leave
// them: an object or a list as a string that holds JSON, a bare name in place of
// a user, a list in place of a name, and paths into the event as keys
// (user.username, user_username, sourceIPs.0, user.groups{}).

// flatKeys are the members that a shipper may have flattened, by the first word
// of their paths. "usr" is what Datadog makes of "user".
var flatKeys = [...]struct {
	word string
	key  int
}{
	{"user", keyUser}, {"usr", keyUser}, {"impersonatedUser", keyImpersonatedUser}, {"sourceIPs", keySourceIPs},
	{"objectRef", keyObjectRef}, {"responseStatus", keyResponseStatus}, {"annotations", keyAnnotations},
}

// flattened reads a member whose name is a path into the event. Any other name
// is passed over.
func (d *Decoder) flattened(name []byte) bool {
	for _, flat := range flatKeys {
		if len(name) < len(flat.word) || !strings.EqualFold(string(name[:len(flat.word)]), flat.word) {
			continue
		}
		if len(name) == len(flat.word) && flat.word == "usr" {
			d.seen |= 1 << keyUser
			return d.readUser()
		}
		if rest := name[len(flat.word):]; len(rest) > 1 && bytes.IndexByte([]byte("._[{"), rest[0]) >= 0 {
			return d.path(flat.key, rest)
		}
	}
	return d.skip()
}

// path reads the value of a path: the member key of the event, and rest, what
// stands behind its word.
func (d *Decoder) path(key int, rest []byte) bool {
	index := func(keys []string) int { return indexFlat(keys, withoutIndex(rest[1:])) }
	switch key {
	case keyUser:
		if i := index(userKeys[:]); i >= 0 {
			d.seen |= 1 << keyUser
			return d.identity(i, textUser, listGroups)
		}
	case keyImpersonatedUser:
		if i := index(userKeys[:]); i >= 0 {
			return d.identity(i, textImpersonatedUser, listImpersonatedGroups)
		}
	case keySourceIPs:
		if len(withoutIndex(rest)) == 0 {
			return d.list(listSourceIPs)
		}
	case keyObjectRef:
		if i := index(objectRefKeys[:]); i >= 0 {
			return d.readText(textResource + i)
		}
	case keyResponseStatus:
		if i := index(responseStatusKeys[:]); i >= 0 {
			return d.readText(textCode + i)
		}
	case keyAnnotations:
		if i := dedotted(annotationKeys[:], rest[1:]); i >= 0 {
			return d.readText(textDecision + i)
		}
	}
	return d.skip()
}

// withoutIndex is a path without the place in a list that it may end with: .0,
// _0, [0], [] or {}.
func withoutIndex(path []byte) []byte {
	short := bytes.TrimRight(path, "{}[]0123456789")
	if len(short) == len(path) {
		return path
	}
	return bytes.TrimRight(short, "._")
}

// indexFlat is the place of name among keys in any letter case, -1 if it is none
// of them.
func indexFlat(keys []string, name []byte) int {
	for i, key := range keys {
		if strings.EqualFold(key, string(name)) {
			return i
		}
	}
	return -1
}

// dedotted is the place of name among keys if only its dots, slashes and dashes
// were replaced, -1 if it is none of them.
func dedotted(keys []string, name []byte) int {
	separator := func(b byte) bool { return b == '.' || b == '/' || b == '-' || b == '_' }
	for i, key := range keys {
		same := len(key) == len(name)
		for j := 0; same && j < len(key); j++ {
			same = key[j] == name[j] || separator(key[j]) && separator(name[j])
		}
		if same {
			return i
		}
	}
	return -1
}

// readUser reads who asked.
func (d *Decoder) readUser() bool {
	broken := d.broken
	d.userDone, d.broken = false, false
	ok := d.user(textUser, listGroups)
	d.userDone = ok && !d.broken
	d.broken = d.broken || broken
	return ok
}

// user reads a UserInfo, in whatever form: an object, a string that holds one, a
// bare name, or a list of these. What was read before comes from an earlier key
// of the same name: an anonymous name is kept, groups are joined.
func (d *Decoder) user(name, groups int) bool {
	return d.form(func() bool {
		switch d.peek() {
		case '{':
			return d.keyed(userKeys[:], func(key int) bool { return d.identity(key, name, groups) })
		case '[':
			return d.array(func() bool { return d.user(name, groups) })
		case '"':
			if bytes.HasPrefix(d.text[d.at:], []byte(`"`+Unauthenticated+`"`)) {
				return d.list(groups)
			}
			return d.name(name)
		}
		return d.skip()
	})
}

// identity reads a member of a UserInfo.
func (d *Decoder) identity(key, name, groups int) bool {
	switch key {
	case userUsername:
		return d.name(name)
	case userName, userID:
		before := d.spans[name]
		ok := d.name(name)
		if before.from < before.to && string(d.content(d.spans[name])) != Anonymous {
			d.spans[name] = before
		}
		return ok
	case userUID:
		return d.readText(name + 1)
	}
	return d.list(groups)
}

// name reads a user name, or a list of them. Of several the anonymous one is
// kept.
func (d *Decoder) name(text int) bool {
	if d.peek() == '[' {
		return d.array(func() bool { return d.name(text) })
	}
	before := d.spans[text]
	ok := d.readText(text)
	if string(d.content(before)) == Anonymous {
		d.spans[text] = before
		return ok
	}
	if name := d.content(d.spans[text]); ok && bytes.HasPrefix(name, []byte(`["`)) {
		// A list as a string; if it is none, it is a name.
		kept := d.spans[text]
		if !d.inside(name, func() bool { return d.name(text) }) {
			d.spans[text] = kept
		}
	}
	return ok
}

// status reads a metav1.Status, or what is left of it: the code.
func (d *Decoder) status() bool {
	return d.form(func() bool {
		if d.peek() == '{' {
			return d.textsOf(responseStatusKeys[:], textCode)
		}
		return d.readText(textCode)
	})
}

// form calls read at the value, or where that is a string that holds an object
// or a list, at what it holds. If that breaks off, the outer text does not.
func (d *Decoder) form(read func() bool) bool {
	if d.peek() != '"' {
		return read()
	}
	from := d.at
	content, ok := d.string()
	if !ok {
		return false
	}
	if inner := bytes.TrimLeft(content, " \t\r\n"); len(inner) > 1 && (inner[0] == '{' || inner[0] == '[' || inner[0] == '"' && inner[len(inner)-1] == '"') {
		if !d.inside(inner, func() bool { return d.form(read) }) {
			d.broken = true
		}
		return true
	}
	d.at = from
	return read()
}

// inside calls read with the cursor on another text, and reports whether all of
// that was read.
func (d *Decoder) inside(text []byte, read func() bool) (ok bool) {
	if d.depth == maxForms {
		return false
	}
	outer := d.cursor
	d.cursor = cursor{text: bytes.Clone(text), iter: outer.iter, skipped: outer.skipped}
	d.depth++
	ok = read() && d.peek() == 0
	d.depth--
	d.cursor = outer
	return ok
}
