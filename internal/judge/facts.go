package judge

import (
	"slices"
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// facts is what the tables ask about an event.
type facts struct {
	ev      *audit.Event
	class   Class
	outcome Outcome
	effect  Effect
	binding Binding // what let the request in
	grant   grant   // what the request grants, for that class

	verb, resource, subresource, namespace, name string
	path                                         string // of the request URI, as the server matches it
	agent                                        string // the user agent in lower case

	srcIP      string // the address no client could forge
	scope      scope  // of srcIP
	xffSuspect bool   // the chain begins in a private network and ends in public
}

func (p *Policy) factsOf(ev *audit.Event) facts {
	f := facts{
		ev:          ev,
		class:       classify(ev),
		outcome:     outcomeOf(ev),
		binding:     parseReason(ev.Annotations.Reason),
		verb:        strings.ToLower(ev.Verb),
		resource:    ev.ObjectRef.Resource,
		subresource: ev.ObjectRef.Subresource,
		namespace:   ev.ObjectRef.Namespace,
		name:        ev.ObjectRef.Name,
		agent:       strings.ToLower(ev.UserAgent),
	}
	if f.class == AnonymousAccessGranted {
		f.grant, _ = grantOf(ev)
	}
	f.path = servedPath(ev.RequestURI)
	if f.resource == "" {
		f.refFromPath()
	}
	f.effect = effectOf(&f)
	if hop := p.hop(ev.SourceIPs); hop >= 0 {
		f.srcIP = address(ev.SourceIPs[hop])
		f.scope = scopeOf(ev.SourceIPs[hop])
		f.xffSuspect = hop > 0 && f.scope == public && scopeOf(ev.SourceIPs[0]) == private
	}
	return f
}

// refFromPath fills in the object for shippers that drop objectRef. The API
// server writes one for every resource request, so without a resource in the
// path nothing is filled in. The path forms are those of k8s.io/apiserver
// pkg/endpoints/request/requestinfo.go.
func (f *facts) refFromPath() {
	parts := strings.Split(strings.Trim(f.path, "/"), "/")
	switch {
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		parts = parts[3:]
	default:
		return
	}
	if parts[0] == "watch" && len(parts) > 1 {
		parts = parts[1:]
	}
	if parts[0] == "namespaces" && len(parts) > 2 && parts[2] != "status" && parts[2] != "finalize" {
		f.namespace = parts[1]
		parts = parts[2:]
	}
	for i, field := range []*string{&f.resource, &f.name, &f.subresource} {
		if i < len(parts) {
			*field = parts[i]
		}
	}
}

func (f *facts) allowed() bool { return f.outcome == Allowed }
func (f *facts) denied() bool  { return f.outcome == Denied }

// reads reports whether the verb is known to read only.
func (f *facts) reads() bool {
	return slices.Contains([]string{"get", "list", "watch", "head", "options"}, f.verb)
}

// write reports whether the request is for an object and its verb is known to
// write, or may be: a request that was refused is judged by what it may have
// been. An empty verb is an exotic method, or a shipper dropped it; then an answer
// of "created" tells.
func (f *facts) write() bool {
	switch {
	case f.resource == "" || f.reads() || f.review():
		return false
	case f.verb == "":
		return !f.allowed() || f.ev.ResponseStatus.HTTPCode() == 201
	}
	return true
}

// runs reports whether the request runs something: a command, a tunnel or a call
// to a service or kubelet. To read the ephemeral containers of a pod runs nothing.
func (f *facts) runs() bool {
	return f.sub(executes) && !(f.subresource == "ephemeralcontainers" && f.reads())
}

// review reports whether the request creates a review: a question to the API
// server that stores nothing. A custom resource may end in "reviews", too, so the
// group counts, where it is known.
func (f *facts) review() bool {
	if !strings.HasSuffix(f.resource, "reviews") && !f.is(logons) || f.resource == "tokenreviews" {
		return false
	}
	group := f.ev.ObjectRef.APIGroup
	if group == "" {
		return f.is(reviews) || f.is(logons)
	}
	return slices.Contains([]string{"authorization.k8s.io", "authentication.k8s.io", "authorization.openshift.io", "security.openshift.io"}, group) ||
		strings.HasPrefix(group, "login.concierge.") || strings.HasPrefix(group, "identity.concierge.")
}

func (f *facts) deletes() bool { return f.verb == "delete" || f.verb == "deletecollection" }

// is reports whether the resource is one of a set.
func (f *facts) is(set []string) bool { return slices.Contains(set, f.resource) }

// sub reports whether the request is for a subresource of a set, written
// resource/subresource.
func (f *facts) sub(set []string) bool {
	return slices.ContainsFunc(set, func(s string) bool {
		resource, sub, _ := strings.Cut(s, "/")
		return f.resource == resource && f.subresource == sub
	})
}

// impersonates reports whether anonymous acted as somebody else. The server writes
// whom only after it allowed that. Who acts as anonymous, or was let in by a
// binding to anonymous all the same, gained nothing by it.
func (f *facts) impersonates() bool {
	if !f.class.anonymous() || f.binding.anonymous() {
		return false
	}
	who := &f.ev.ImpersonatedUser
	return who.Username != "" && who.Username != audit.Anonymous || who.UID != "" ||
		slices.ContainsFunc(who.Groups, func(group string) bool { return group != audit.Unauthenticated })
}

// actsAsAdministrator reports whether the identity that anonymous took may do
// everything.
func (f *facts) actsAsAdministrator() bool {
	return f.impersonates() && (slices.Contains(f.ev.ImpersonatedUser.Groups, "system:masters") || f.binding.Role == "cluster-admin" && f.binding.RoleKind == "ClusterRole")
}

// setsFlag reports whether the request writes a flag of the running API server,
// such as its log level.
func (f *facts) setsFlag() bool {
	return f.resource == "" && strings.HasPrefix(f.path, flagsPrefix) && f.verb != "" && !f.reads()
}

// published reports whether a page of an issuer was let out by what publishes it
// on purpose: a default, or a binding to a role for just that.
func (f *facts) published() bool {
	return !f.exposed() || !f.impersonates() && slices.Contains(issuerRoles, f.binding.Role)
}

// issuerRoles are the roles of Kubernetes and OpenShift that hold the issuer's
// pages and nothing else.
var issuerRoles = []string{"system:service-account-issuer-discovery", "system:openshift:public-info-viewer"}

// login reports whether the request is for OpenShift's OAuth server, by what that
// server wrote, or by a page that no API server has and no binding that let it in.
func (f *facts) login() bool {
	return f.ev.Annotations.LoginDecision != "" ||
		f.allowed() && f.resource == "" && f.atOrBelow(loginPaths) && f.ev.Annotations.Reason == "" && !f.impersonates()
}

// loginRefused reports whether the OAuth server said no.
func (f *facts) loginRefused() bool {
	d := f.ev.Annotations.LoginDecision
	return d != "" && d != "allow"
}

// exposed reports whether the server wrote evidence that anonymous is let in
// by more than the defaults: a named binding that is none of them, or an
// impersonation that succeeded.
func (f *facts) exposed() bool { return !f.binding.byDefault() || f.impersonates() }

// Sets of resources, by what an attacker gains from them.
var (
	reviews = []string{
		"selfsubjectreviews", "selfsubjectaccessreviews", "selfsubjectrulesreviews", "subjectaccessreviews", "localsubjectaccessreviews",
		"subjectrulesreviews", "resourceaccessreviews", "localresourceaccessreviews", "podsecuritypolicysubjectreviews", "podsecuritypolicyselfsubjectreviews",
	}
	logons      = []string{"tokencredentialrequests", "whoamirequests"} // of Pinniped: a logon, and who am I
	executes    = []string{"pods/exec", "pods/attach", "pods/portforward", "pods/ephemeralcontainers", "pods/proxy", "services/proxy", "nodes/proxy"}
	tokens      = []string{"serviceaccounts/token"}
	credentials = []string{"secrets", "tokenreviews", "certificatesigningrequests", "bootstraptokens"}
	rbac        = []string{"roles", "clusterroles", "rolebindings", "clusterrolebindings"}
	control     = []string{
		"mutatingwebhookconfigurations", "validatingwebhookconfigurations", "customresourcedefinitions", "apiservices",
		"validatingadmissionpolicies", "validatingadmissionpolicybindings", "mutatingadmissionpolicies", "mutatingadmissionpolicybindings",
		"priorityclasses", "storageclasses",
	}
	workloads = []string{"pods", "deployments", "daemonsets", "statefulsets", "replicasets", "replicationcontrollers", "jobs", "cronjobs"}
	sensitive = []string{"configmaps", "serviceaccounts", "nodes", "persistentvolumes", "persistentvolumeclaims", "roles", "clusterroles", "rolebindings", "clusterrolebindings"}
)
