package envelope

import (
	"slices"
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// object is a wrapper: its members in order, as they are in the text.
type object struct {
	members []member
	more    bool // it has more than maxMembers
}

type member struct {
	name  string
	value []byte
}

func membersOf(text []byte) (o object) {
	audit.Members(text, func(name string, value []byte) bool {
		if o.more = len(o.members) == maxMembers; !o.more {
			o.members = append(o.members, member{name, value})
		}
		return !o.more
	})
	return o
}

// get is the value of a member as it is in the text; nil if there is none.
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

// string is the content of a member that is a string; empty if it is not.
func (o object) string(name string) string { return stringOf(o.get(name)) }

// is reports what a member begins with: '{', '[' or '"'.
func (o object) is(name string, first byte) bool {
	value := o.get(name)
	return len(value) > 0 && value[0] == first
}

func stringOf(value []byte) string {
	if len(value) == 0 || value[0] != '"' {
		return ""
	}
	return string(audit.Unquote(value))
}

// path splits a name at slashes.
func path(name string) []string { return strings.Split(strings.Trim(name, "/"), "/") }

// first is the first of the texts that is not empty.
func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// clusterOf is what a wrapper calls the cluster, in the words of its vendor;
// empty if it does not name one.
func clusterOf(o object) string {
	return first(awsCluster(o), azureCluster(o), googleCluster(o), openshiftCluster(o), otelCluster(o), splunkCluster(o), plainCluster(o))
}

// plainCluster reads the names that log forwarders give to a label of their own
// (the Elastic Common Schema, Fluent Bit, Vector, Loki).
func plainCluster(o object) string {
	k8s, labels := o.object("kubernetes"), o.object("labels")
	return first(
		o.object("orchestrator").object("cluster").string("name"), k8s.string("cluster_name"), k8s.object("cluster").string("name"),
		labels.string("cluster_name"), labels.string("cluster"), o.object("stream").string("cluster"),
		o.string("cluster_name"), o.string("k8s_cluster"), o.string("cluster"))
}
