package judge

import (
	"slices"
	"strconv"
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
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
// keeps it harmless: b is zero, or one of those that Kubernetes, kubeadm and
// OpenShift make themselves. A binding of that name to another role is not one.
//
// Sources: k8s.io/kubernetes
// plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go (system:discovery
// and system:basic-user were for everybody before 1.14 and survive upgrades),
// cmd/kubeadm/app/phases/bootstraptoken/clusterinfo/clusterinfo.go, and for
// OpenShift github.com/openshift/openshift-apiserver
// pkg/bootstrappolicy/policy.go.
func (b *Binding) byDefault() bool {
	if b.Name == "" || b.clusterInfo() {
		return true
	}
	role, known := defaultBindings[b.Name]
	return known && b.Kind == "ClusterRoleBinding" && b.RoleKind == "ClusterRole" && b.Role == role
}

// defaultBindings are the cluster role bindings of platforms that name everybody,
// or everybody with an account, and their roles.
var defaultBindings = map[string]string{
	"system:public-info-viewer": "system:public-info-viewer",
	"system:discovery":          "system:discovery",
	"system:basic-user":         "system:basic-user",

	"system:openshift:public-info-viewer": "system:openshift:public-info-viewer",
	"system:openshift:discovery":          "system:openshift:discovery",
	"self-access-reviewers":               "self-access-reviewer",
	openshiftWebhooks:                     "system:webhook",
	"system:oauth-token-deleters":         "system:oauth-token-deleter",
	"system:scope-impersonation":          "system:scope-impersonation",
	"basic-users":                         "basic-user",
	"cluster-status-binding":              "cluster-status",
}

// openshiftWebhooks lets everybody start a build who knows its secret; a default
// before OpenShift 4.16, and after upgrades.
const openshiftWebhooks = "system:webhooks"

// ofOpenShift reports whether the binding is one that OpenShift looks after, and
// says not to modify.
func (b *Binding) ofOpenShift() bool {
	return b.Name != "" && !b.clusterInfo() && b.byDefault() && !slices.Contains([]string{"system:public-info-viewer", "system:discovery", "system:basic-user"}, b.Name)
}

// anonymous reports whether the subject is everybody without an account.
func (b *Binding) anonymous() bool {
	_, name, _ := strings.Cut(b.Subject, " ")
	return name == audit.Anonymous || name == audit.Unauthenticated
}

// clusterInfoBinding is the name of kubeadm's binding and of its role.
const clusterInfoBinding = "kubeadm:bootstrap-signer-clusterinfo"

// clusterInfo reports whether b is the binding by which kubeadm lets joining
// nodes read the cluster-info config map.
func (b *Binding) clusterInfo() bool {
	return b.Kind == "RoleBinding" && b.Name == clusterInfoBinding+"/kube-public" && b.RoleKind == "Role" && b.Role == clusterInfoBinding
}
