package judge

import (
	"strconv"
	"strings"
)

// Binding is what the RBAC authorizer says let a request in.
type Binding struct {
	Kind     string // ClusterRoleBinding or RoleBinding
	Name     string // a RoleBinding's is name/namespace
	RoleKind string // ClusterRole or Role
	Role     string
	Subject  string // kind and name, such as "Group system:unauthenticated"
}

// parseReason reads the annotation authorization.k8s.io/reason. The form is
// that of k8s.io/kubernetes pkg/registry/rbac/validation/rule.go:
//
//	RBAC: allowed by %s %q of %s %q to %s %q
//
// Names are Go-quoted there, so they are unquoted here and never split at a
// quote. Other authorizers write other text: the zero Binding.
func parseReason(reason string) Binding {
	rest, ok := strings.CutPrefix(reason, "RBAC: allowed by ")
	if !ok {
		return Binding{}
	}
	var b Binding
	var subjectKind, subject string
	for _, part := range []struct {
		kind, name *string
		then       string
	}{{&b.Kind, &b.Name, " of "}, {&b.RoleKind, &b.Role, " to "}, {&subjectKind, &subject, ""}} {
		kind, quoted, ok := strings.Cut(rest, " ")
		if !ok {
			return Binding{}
		}
		name, err := strconv.QuotedPrefix(quoted)
		if err != nil {
			return Binding{}
		}
		*part.kind = kind
		*part.name, _ = strconv.Unquote(name)
		rest, ok = strings.CutPrefix(quoted[len(name):], part.then)
		if !ok {
			return Binding{}
		}
	}
	b.Subject = subjectKind + " " + subject
	return b
}

// byDefault reports whether every cluster of some age has the binding, and
// keeps it harmless: b is zero, or one of those that Kubernetes and kubeadm
// make themselves. A binding of that name to another role is none of them.
//
// Sources: k8s.io/kubernetes
// plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go (system:discovery
// and system:basic-user were for everybody before 1.14 and survive upgrades)
// and cmd/kubeadm/app/phases/bootstraptoken/clusterinfo/clusterinfo.go.
func (b *Binding) byDefault() bool {
	switch b.Name {
	case "":
		return true
	case "system:public-info-viewer", "system:discovery", "system:basic-user":
		return b.Kind == "ClusterRoleBinding" && b.RoleKind == "ClusterRole" && b.Role == b.Name
	case clusterInfoBinding + "/kube-public":
		return b.clusterInfo()
	}
	return false
}

// clusterInfoBinding is the name of kubeadm's binding and of its role.
const clusterInfoBinding = "kubeadm:bootstrap-signer-clusterinfo"

// clusterInfo reports whether b is the binding by which kubeadm lets joining
// nodes read the cluster-info config map.
func (b *Binding) clusterInfo() bool {
	return b.Kind == "RoleBinding" && b.Name == clusterInfoBinding+"/kube-public" && b.RoleKind == "Role" && b.Role == clusterInfoBinding
}
