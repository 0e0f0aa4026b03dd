package judge

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// An audit event holds a JSON patch (RFC 6902), but not the object that the
// patch was applied to. A document is such an object: what the patch sets is
// known, everything else is not. Member names are compared byte for byte, as
// the API server does (sigs.k8s.io/json).
//
// A node of a document is an *object, a *list, an unknown or a scalar of
// encoding/json.
type document struct {
	root  any
	nodes int // how many nodes were copied
}

type object struct {
	members map[string]any
	open    bool // it may have other members than those that are known
}

// list is head, then any number of unknown elements if it is open, then tail.
type list struct {
	head, tail []any
	open       bool
}

// unknown is a value of the object before the patch.
type unknown struct {
	moved bool // a copy or move put it where it is
}

// operation is one step of a JSON patch. Its keys are read in exactly this
// letter case (gopkg.in/evanphx/json-patch.v4, which the API server uses).
type operation struct {
	op, path, from string
	value          any
}

// parseJSON reads a whole body; ok is false if it is not JSON.
func parseJSON(body []byte) (node any, ok bool) {
	var value any
	if len(body) == 0 || json.Unmarshal(body, &value) != nil {
		return nil, false
	}
	return nodeOf(value), true
}

func nodeOf(value any) any {
	switch v := value.(type) {
	case map[string]any:
		o := &object{members: v}
		for name, member := range v {
			v[name] = nodeOf(member)
		}
		return o
	case []any:
		for i, element := range v {
			v[i] = nodeOf(element)
		}
		return &list{head: v}
	}
	return value
}

// applyPatch applies a JSON patch to an object of which nothing is known. ok is
// false if the patch is too large to follow. The result is only right for a
// patch that the API server applied: a step that fails there, as does an
// operation of another name, fails the whole request.
func applyPatch(steps *list) (root any, ok bool) {
	d := &document{root: &object{members: map[string]any{}, open: true}}
	if len(steps.head) > maxOperations {
		return nil, false
	}
	for _, step := range steps.head {
		o, isObject := step.(*object)
		if !isObject {
			continue
		}
		if !d.apply(operation{op: o.text("op"), path: o.text("path"), from: o.text("from"), value: o.members["value"]}) {
			return nil, false
		}
	}
	return d.root, true
}

func (d *document) apply(o operation) bool {
	switch o.op {
	case "add":
		return d.add(o.path, o.value)
	case "replace":
		if o.path == "" {
			d.root = o.value
			return true
		}
		return d.set(o.path, o.value)
	case "remove":
		_, ok := d.take(o.path, true)
		return ok
	case "move", "copy":
		value, ok := d.take(o.from, o.op == "move")
		if _, hidden := value.(unknown); hidden {
			value = unknown{moved: true}
		}
		return ok && d.add(o.path, value)
	}
	return true // "test" changes nothing
}

// pointerTokens splits a path. Whatever is before the first slash is ignored, as
// json-patch.v4 does.
func pointerTokens(path string) []string {
	all := strings.Split(path, "/")[1:]
	for i := range all {
		all[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(all[i])
	}
	return all
}

// container finds the node that holds the last token of the path. What is
// unknown on the way becomes an open object or list. The node is nil if the
// path leads through a scalar.
func (d *document) container(path string) (node any, last string) {
	all := pointerTokens(path)
	if len(all) == 0 {
		return nil, ""
	}
	d.root = opened(d.root, all[0])
	node = d.root
	for i, token := range all[:len(all)-1] {
		place := placeOf(node, token)
		if place == nil {
			return nil, ""
		}
		*place.value() = opened(*place.value(), all[i+1])
		node = *place.value()
		place.put()
	}
	return node, all[len(all)-1]
}

// opened makes a container of an unknown node: a list if the token that leads
// into it is an index.
func opened(node any, token string) any {
	if _, hidden := node.(unknown); !hidden {
		return node
	}
	if _, err := strconv.Atoi(token); err == nil || token == "-" {
		return &list{open: true}
	}
	return &object{members: map[string]any{}, open: true}
}

// place is a member or an element, to be read and written.
type place struct {
	of    *object
	name  string
	node  any
	array *[]any
	index int
}

func (p *place) value() *any {
	if p.of != nil {
		return &p.node
	}
	return &(*p.array)[p.index]
}

func (p *place) put() {
	if p.of != nil {
		p.of.members[p.name] = p.node
	}
}

// placeOf finds an existing member or element. One that an open container may
// have is made.
func placeOf(node any, token string) *place {
	switch n := node.(type) {
	case *object:
		value, ok := n.members[token]
		if !ok && !n.open {
			return nil
		}
		if !ok {
			value = unknown{}
		}
		return &place{of: n, name: token, node: value}
	case *list:
		i, err := strconv.Atoi(token)
		if err != nil {
			return nil
		}
		if array, index, ok := n.at(i); ok {
			return &place{array: array, index: index}
		}
	}
	return nil
}

// at finds the element of an index; a negative one counts from the end, as
// json-patch.v4 does.
func (l *list) at(i int) (array *[]any, index int, ok bool) {
	switch {
	case i < 0 && len(l.tail) >= -i:
		return &l.tail, len(l.tail) + i, true
	case i < 0 && !l.open && len(l.head) >= -i-len(l.tail):
		return &l.head, len(l.head) + len(l.tail) + i, true
	case i < 0 && l.open && -i <= maxOperations:
		before := make([]any, -i-len(l.tail))
		for j := range before {
			before[j] = unknown{}
		}
		l.tail = append(before, l.tail...)
		return &l.tail, 0, true
	case i < 0 || i > maxOperations:
		return nil, 0, false
	}
	for l.open && len(l.head) <= i {
		l.head = append(l.head, unknown{})
	}
	if i < len(l.head) {
		return &l.head, i, true
	}
	return nil, 0, false
}

// set writes an existing member or element.
func (d *document) set(path string, value any) bool {
	node, last := d.container(path)
	if p := placeOf(node, last); p != nil {
		*p.value() = value
		p.put()
	}
	return true
}

// add writes a member or inserts an element.
func (d *document) add(path string, value any) bool {
	node, last := d.container(path)
	switch n := node.(type) {
	case *object:
		n.members[last] = value
	case *list:
		i, err := strconv.Atoi(last)
		switch {
		case last == "-" || err == nil && i == -1:
			n.push(value)
		case err != nil || i > maxOperations || i < -maxOperations:
		case i < 0: // json-patch.v4 counts from the end that the list has afterwards
			if array, index, ok := n.at(i + 1); ok {
				*array = insert(*array, index, value)
			}
		case i == 0:
			n.head = insert(n.head, 0, value)
		default:
			if _, _, ok := n.at(i - 1); ok {
				n.head = insert(n.head, i, value)
			}
		}
	}
	return true
}

func (l *list) push(value any) {
	if l.open {
		l.tail = append(l.tail, value)
	} else {
		l.head = append(l.head, value)
	}
}

func insert(array []any, i int, value any) []any {
	array = append(array, nil)
	copy(array[i+1:], array[i:])
	array[i] = value
	return array
}

// take reads the value at from; with remove, it takes it away. ok is false if
// it is too large to be copied.
func (d *document) take(from string, remove bool) (value any, ok bool) {
	node, last := d.container(from)
	p := placeOf(node, last)
	if p == nil {
		return unknown{}, true // the API server refuses the patch
	}
	value = *p.value()
	if !remove {
		return d.clone(value)
	}
	switch n := node.(type) {
	case *object:
		delete(n.members, last)
		if n.open {
			n.members[last] = nil // it is known to be absent, which for us is null
		}
	case *list:
		*p.array = append((*p.array)[:p.index], (*p.array)[p.index+1:]...)
	}
	return value, true
}

// clone copies a node, so that later steps change only one of the two.
func (d *document) clone(node any) (copied any, ok bool) {
	if d.nodes++; d.nodes > maxCopied {
		return nil, false
	}
	each := func(from []any) []any {
		var to []any
		for _, element := range from {
			var c any
			if c, ok = d.clone(element); !ok {
				return nil
			}
			to = append(to, c)
		}
		return to
	}
	ok = true
	switch n := node.(type) {
	case *object:
		o := &object{members: make(map[string]any, len(n.members)), open: n.open}
		for name, member := range n.members {
			if o.members[name], ok = d.clone(member); !ok {
				return nil, false
			}
		}
		return o, true
	case *list:
		l := &list{head: each(n.head), open: n.open}
		if ok {
			l.tail = each(n.tail)
		}
		return l, ok
	}
	return node, true
}

// text is a member that is a string, empty if it is anything else.
func (o *object) text(name string) string {
	s, _ := o.members[name].(string)
	return s
}

// child is a member that is an object; an empty one if it is anything else.
func (o *object) child(name string) *object {
	if c, ok := o.members[name].(*object); ok {
		return c
	}
	return &object{}
}

// repeated collects the elements of every list under a key that an object
// holds more than once, but for the last. Go's decoder reuses the elements of
// an earlier list for a later one, so that parts of it may be stored.
func repeated(body []byte, key string) (elements []any) {
	d := json.NewDecoder(bytes.NewReader(body))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var last []any
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return elements
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return elements
		}
		if name == key {
			elements = append(elements, last...)
			last = nil
			if node, ok := parseJSON(value); ok {
				if l, ok := node.(*list); ok {
					last = l.head
				}
			}
		}
	}
	return elements
}
