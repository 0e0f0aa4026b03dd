package judge

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// undo says how to take back what a write did: a command for what it created,
// words for what it changed. It is empty if nothing is known to have changed.
func undo(f *facts) []string {
	ev := f.ev
	if !f.write() || !f.allowed() || changedNothing(ev) || f.is(storesNothing) || f.grant.known() {
		return nil
	}
	stored, asked := objectOf(ev.ResponseObject), objectOf(ev.RequestObject)
	o := target{resource: f.resource, group: ev.ObjectRef.APIGroup, name: cmp.Or(f.name, nameOf(ev, stored, asked))}
	if f.resource != "namespaces" {
		o.namespace = cmp.Or(f.namespace, namespaceOf(ev, stored, asked))
	}
	created := f.verb == "create" || ev.ResponseStatus.HTTPCode() == 201
	switch {
	case f.subresource != "" && (f.verb == "create" || f.sub(executes)):
		return nil // a command, a tunnel, an eviction or a token leaves no object to delete
	case f.subresource != "":
		return []string{"compare " + o.words() + " (its " + Clean(f.subresource) + ") with its manifest or a backup, and restore it"}
	case created && o.name == "":
		return []string{"find the created " + o.words() + " by its name, which the event does not show, and delete it"}
	case created:
		if command, ok := o.deleteCommand(); ok {
			return []string{command}
		}
		return []string{"delete " + o.words()}
	case f.deletes():
		return []string{"compare " + o.words() + " with its manifest or a backup, and restore what was deleted"}
	}
	return []string{"compare " + o.words() + " with its manifest or a backup, and restore it"}
}

// storesNothing are resources that are created only for the answer.
var storesNothing = []string{
	"tokenreviews", "subjectaccessreviews", "localsubjectaccessreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews",
	"tokencredentialrequests", "subjectrulesreviews", "resourceaccessreviews", "localresourceaccessreviews", "podsecurityreviews",
}

// objectOf reads a body that is an object; an empty one if it is anything else.
func objectOf(body []byte) *object {
	node, _ := parseJSON(body)
	if o, ok := node.(*object); ok {
		return o
	}
	return &object{}
}

// nameOf is the name of the object of a request; with generateName only the
// answer has it.
func nameOf(ev *audit.Event, stored, asked *object) string {
	return cmp.Or(ev.ObjectRef.Name, stored.child("metadata").text("name"), asked.child("metadata").text("name"))
}

func namespaceOf(ev *audit.Event, stored, asked *object) string {
	return cmp.Or(ev.ObjectRef.Namespace, stored.child("metadata").text("namespace"), asked.child("metadata").text("namespace"))
}

// target is an object as kubectl names it.
type target struct {
	resource, group string // in the plural; the group may be unknown
	namespace, name string
}

// builtin are resources that kubectl knows by the singular, which is the plural
// without its last letter. Others are written with their group, so that a
// resource of the same name in another group is not meant.
var builtin = []string{
	"pods", "secrets", "configmaps", "services", "serviceaccounts", "namespaces", "nodes", "persistentvolumes", "persistentvolumeclaims",
	"replicationcontrollers", "limitranges", "resourcequotas", "podtemplates", "deployments", "daemonsets", "statefulsets", "replicasets", "jobs",
	"cronjobs", "roles", "clusterroles", "rolebindings", "clusterrolebindings",
}

// builtinGroups are the groups of builtin.
var builtinGroups = []string{"", "apps", "batch", "rbac.authorization.k8s.io"}

// kind is what kubectl calls the resource.
func (o *target) kind() string {
	if slices.Contains(builtin, o.resource) && slices.Contains(builtinGroups, o.group) {
		return strings.TrimSuffix(o.resource, "s")
	}
	if o.group != "" {
		return o.resource + "." + o.group
	}
	return o.resource
}

// words name the object for a person, with nothing that a terminal obeys.
func (o *target) words() string {
	text := Clean(o.kind())
	if o.name != "" {
		text += " " + shown(o.name)
	}
	if o.namespace != "" {
		text += " in " + shown(o.namespace)
	}
	return text
}

// deleteCommand is the kubectl command that deletes exactly this object, safe
// to paste into a shell. There is none for a name of other characters than
// those of plain.
func (o *target) deleteCommand() (command string, ok bool) {
	return o.command("delete")
}

func (o *target) command(verb string) (command string, ok bool) {
	if !plain(o.name) || !plain(o.kind()) || o.namespace != "" && !plain(o.namespace) {
		return "", false
	}
	command = "kubectl " + verb + " " + o.kind() + " '" + o.name + "'"
	if o.namespace != "" {
		command += " -n " + o.namespace
	}
	return command, true
}

// plain reports whether s can be a word of a command as it is. kubectl takes
// what begins with a hyphen for a flag.
func plain(s string) bool {
	const others = ":._@-"
	return s != "" && len(s) <= maxName && s[0] != '-' && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune(others, r)
	})
}

// shown is a name for a person: as it is, or quoted and escaped so that it
// cannot be mistaken for another.
func shown(name string) string {
	if plain(name) {
		return name
	}
	if len(name) > maxName {
		name = name[:maxName] + "..."
	}
	return strconv.QuoteToASCII(name)
}
