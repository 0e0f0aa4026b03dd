package judge

import (
	"net/url"
	"slices"
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// A grant is a binding written with subjects that stand for everybody: the
// precursor of anonymous access.
type grant struct {
	binding Binding // Role is empty if neither request nor response shows it
	void    bool    // the write changed nothing: it was refused, failed or was a dry run
	alone   bool    // the binding is known to have no other subjects
}

// apiServer is the name under which the API server talks to itself.
const apiServer = "system:apiserver"

// bindingKinds names the kinds of the resources that grants are written to.
var bindingKinds = map[string]string{"rolebindings": "RoleBinding", "clusterrolebindings": "ClusterRoleBinding"}

// everybody are the names of subjects that anybody can be, each with its kind:
// in GKE any Google account is system:authenticated. With the other kind, a
// name is not special.
var everybody = map[string]string{audit.Anonymous: "User", audit.Unauthenticated: "Group", "system:authenticated": "Group"}

// grantOf finds a grant in a request, which the event must hold (audit level
// Request or higher). Only what the request itself brings counts, not what the
// object held before: relabelling an open binding is not a new grant.
func grantOf(ev *audit.Event) (g grant, ok bool) {
	g, ok, _ = readGrant(ev)
	return g, ok
}

// hiddenGrant reports whether the event is of a request that wrote a binding
// whose subjects cannot be known: the body was removed or cut.
func hiddenGrant(ev *audit.Event) bool {
	_, _, hidden := readGrant(ev)
	return hidden
}

// readGrant finds a grant, or says that there may be a hidden one. What the API
// server answered wins: that is the object as it is stored.
func readGrant(ev *audit.Event) (g grant, ok, hidden bool) {
	kind := bindingKinds[ev.ObjectRef.Resource]
	if kind == "" || ev.ObjectRef.Subresource != "" || !slices.Contains([]string{"create", "update", "patch"}, ev.Verb) {
		return grant{}, false, false
	}
	g.void = changedNothing(ev)
	asked := readRequest(ev)
	stored, isStored := storedBinding(ev, kind)
	subjects := asked.subjects
	if isStored {
		subjects = subjectsIn(stored.members["subjects"])
		if !asked.writes && asked.readable {
			return grant{}, false, false
		}
	}
	if len(subjects.everybody) == 0 {
		lost := !isStored && (subjects.hidden || !asked.readable && bodyMissing(ev))
		return grant{}, false, lost && !g.void
	}
	g.alone = subjects.alone
	g.binding = Binding{Kind: kind, Subject: strings.Join(subjects.everybody, ", ")}
	g.binding.Name = nameOf(ev, stored, asked.object)
	if kind == "RoleBinding" {
		g.binding.Name += "/" + namespaceOf(ev, stored, asked.object)
	}
	g.readRole(ev, stored, asked.object)
	// The API server makes the default bindings itself when it starts.
	return g, ev.User.Username != apiServer || !g.binding.byDefault(), false
}

// readRole fills in the role. That of a patch counts only if the API server
// took the patch: a role cannot be changed, so the patch then repeats it.
func (g *grant) readRole(ev *audit.Event, stored, asked *object) {
	ref := stored.child("roleRef")
	if len(ref.members) == 0 && (ev.Verb != "patch" || !g.void && outcomeOf(ev) == Allowed) {
		ref = asked.child("roleRef")
	}
	g.binding.RoleKind, g.binding.Role = ref.text("kind"), ref.text("name")
}

// changedNothing reports whether a write was refused, failed or was a dry run.
func changedNothing(ev *audit.Event) bool {
	return outcomeOf(ev) == Denied || ev.ResponseStatus.HTTPCode() >= 400 || dryRun(ev.RequestURI)
}

// dryRun reports whether the API server took a request for a dry run. It reads
// the query with the same package, and the key in exactly this letter case.
func dryRun(uri string) bool {
	_, query, _ := strings.Cut(uri, "?")
	values, _ := url.ParseQuery(query) // what is malformed is left out, as net/http does
	return slices.Contains(values["dryRun"], "All")
}

// bodyMissing reports whether a body should be in the event: the level or the
// API server says so, and the request had got as far as its body.
func bodyMissing(ev *audit.Event) bool {
	if ev.Stage == "RequestReceived" || ev.Level == "Metadata" || ev.Level == "None" {
		return false
	}
	return ev.Annotations.Truncated != "" || ev.Partial || ev.Level == "Request" || ev.Level == "RequestResponse" || len(ev.RequestObject) > 0
}

// request is what the body of a request says of a binding.
type request struct {
	object   *object // the binding, or what a patch makes of one; never nil
	subjects subjects
	readable bool
	writes   bool // it sets subjects
}

// readRequest reads a whole object (create, update, server-side apply), a merge
// patch or strategic merge patch, which have the form of one, or a JSON patch.
// Of all of these, subjects is one value: "$patch" inside it means nothing.
func readRequest(ev *audit.Event) request {
	r := request{object: &object{}}
	body, ok := parseJSON(ev.RequestObject)
	if !ok {
		return r
	}
	switch b := body.(type) {
	case *object:
		r.object, r.readable = b, true
	case *list:
		if r.readable = true; ev.Verb != "patch" {
			return r
		}
		root, ok := applyPatch(b)
		if !ok {
			r.readable = false
			return r
		}
		r.object, _ = root.(*object)
		if r.object == nil {
			r.object = &object{}
		}
		r.subjects = subjectsIn(r.object.members["subjects"])
		r.writes = patchesSubjects(b)
		return r
	default:
		return r // a text where the body was, such as "skipped-too-big-size-object"
	}
	_, r.writes = r.object.members["subjects"]
	r.writes = r.writes || ev.Verb != "patch"
	value := r.object.members["subjects"]
	if more := repeated(ev.RequestObject, "subjects"); len(more) > 0 && ev.Verb != "patch" {
		if last, ok := value.(*list); ok {
			more = append(more, last.head...)
		}
		value = &list{head: more}
	}
	r.subjects = subjectsIn(value)
	if items, ok := r.object.members["items"].(*list); ok {
		for _, item := range items.head {
			if o, ok := item.(*object); ok {
				r.subjects.everybody = append(r.subjects.everybody, subjectsIn(o.members["subjects"]).everybody...)
			}
		}
	}
	return r
}

// patchesSubjects reports whether a JSON patch can bring everybody in: it
// writes everybody or a part of a subject, or it moves something there. To add
// somebody else to an open binding is not a new grant.
func patchesSubjects(steps *list) bool {
	return slices.ContainsFunc(steps.head, func(step any) bool {
		o, ok := step.(*object)
		if !ok {
			return false
		}
		path := pointerTokens(o.text("path"))
		if len(path) > 0 && path[0] != "subjects" {
			return false
		}
		value := o.members["value"]
		switch op := o.text("op"); {
		case op == "move" || op == "copy":
			return true
		case op != "add" && op != "replace":
			return false
		case len(path) == 0:
			whole, _ := value.(*object)
			return whole != nil && subjectsIn(whole.members["subjects"]).some()
		case len(path) == 1:
			return subjectsIn(value).some()
		case len(path) == 2:
			return subjectsIn(&list{head: []any{value}}).some()
		}
		return true
	})
}

// storedBinding is the binding that the API server answered with. Other
// answers are a Status, and the tables and metadata that a client may ask for.
func storedBinding(ev *audit.Event, kind string) (stored *object, ok bool) {
	body, _ := parseJSON(ev.ResponseObject)
	stored, ok = body.(*object)
	if !ok {
		return &object{}, false
	}
	_, hasRole := stored.members["roleRef"]
	if k := stored.text("kind"); k != kind && (k != "" || !hasRole) {
		return &object{}, false
	}
	return stored, true
}

// subjects is what is known of the subjects of a binding.
type subjects struct {
	everybody []string // such as "Group system:unauthenticated", each once
	hidden    bool     // one of them may be everybody
	alone     bool     // there are no others
}

func (s subjects) some() bool { return len(s.everybody) > 0 || s.hidden }

// subjectsIn reads the value of "subjects".
func subjectsIn(value any) (s subjects) {
	l, ok := value.(*list)
	if !ok {
		u, isUnknown := value.(unknown)
		s.hidden = isUnknown && u.moved
		return s
	}
	s.alone = !l.open
	for _, element := range slices.Concat(l.head, l.tail) {
		switch e := element.(type) {
		case unknown:
			s.hidden = s.hidden || e.moved
			s.alone = false
		case *object:
			who, hidden := e.everybody()
			s.hidden = s.hidden || hidden
			if who != "" && !slices.Contains(s.everybody, who) {
				s.everybody = append(s.everybody, who)
			}
			s.alone = s.alone && who != ""
		default:
			s.alone = false
		}
	}
	return s
}

// everybody names the subject if it is everybody. hidden says that it may be,
// because a patch wrote only a part of it.
func (o *object) everybody() (who string, hidden bool) {
	kind, name := o.text("kind"), o.text("name")
	want := everybody[name]
	switch {
	case want != "" && (kind == want || kind == ""):
		return strings.TrimSpace(kind + " " + name), false
	case want != "" && o.hides("kind"):
		return name, false
	case name == "" && kind != "ServiceAccount" && (o.hides("name") || o.open && kind != ""):
		return "", true
	}
	return "", false
}

// hides reports whether a patch moved something unknown to the member.
func (o *object) hides(name string) bool {
	u, ok := o.members[name].(unknown)
	return ok && u.moved
}

// category is how bad the grant is: worse if the role lets its holder write
// everywhere, little if nothing was granted. A role that the event does not
// show may be the worst one. kubeadm's own binding and those of the API server
// are on every cluster.
func (g *grant) category(outcome Outcome) *Category {
	c := &Category{
		Name: string(AnonymousAccessGranted), Impact: 70, Confidence: 80, ATTACK: []string{"T1098.006"},
		Example: "create clusterrolebindings with the subject system:unauthenticated",
		Why:     "It gives a role to everybody who can reach the API server, or to everybody who has any account.",
	}
	switch {
	case slices.Contains([]string{"cluster-admin", "admin", "edit"}, g.binding.Role):
		c.Impact, c.Confidence = 90, 90
	case g.binding.Role == "":
		c.Impact = 90
	}
	switch {
	case g.known():
		c.Impact, c.Confidence = 30, 40
		c.Why = "It writes a binding that every cluster of this kind has by default."
	case g.void || outcome == Denied:
		c.Impact, c.Confidence = 50, 50
	}
	return c
}

// known reports whether the binding is a default one with its default
// subjects (see Binding.byDefault for the sources).
func (g *grant) known() bool {
	b := &g.binding
	if b.Name == "" || !b.byDefault() || !g.alone {
		return false
	}
	for subject := range strings.SplitSeq(b.Subject, ", ") {
		switch {
		case b.clusterInfo():
			if subject != "User "+audit.Anonymous {
				return false
			}
		case subject == "Group system:authenticated":
		case subject != "Group "+audit.Unauthenticated || b.Name != "system:public-info-viewer":
			return false
		}
	}
	return true
}

// describe says who granted what to whom.
func (g *grant) describe(outcome Outcome) string {
	verb := "asked to grant"
	switch {
	case g.void || outcome == Denied:
		verb = "tried to grant"
	case outcome == Allowed:
		verb = "granted"
	}
	b := &g.binding
	role := "a role that the event does not show"
	if b.Role != "" {
		role = Clean(strings.TrimSpace(b.RoleKind + " " + b.Role))
	}
	by := b.Kind
	if name := strings.TrimPrefix(b.Name, "/"); name != "" {
		by += " " + Clean(name)
	}
	return verb + " " + role + " to " + Clean(b.Subject) + " by " + by
}
