package judge

import (
	"slices"
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// Advice where deleting a binding is not the answer. That a deleted
// system:public-info-viewer breaks probes and comes back with anonymous, and that
// its role can be narrowed, was tried on API servers of Kubernetes 1.34 to 1.37.
const (
	// Switching anonymous authentication off is never advised: the probes of
	// the API server's own pod and kubeadm join carry no credentials.
	closeAnonymous = "no RBAC binding is named: check the other authorizers (authorization mode AlwaysAllow, a webhook, access policies of the cloud), " +
		"and allow anonymous requests only to /livez, /readyz and /healthz by an AuthenticationConfiguration (anonymous.conditions)"
	removeImpersonation = "remove the right to impersonate (verb impersonate) from each role that is bound to " + audit.Anonymous + " or " + audit.Unauthenticated +
		"; the identity that was assumed is not to blame, and its bindings should stay"
	fixIdentity = "no binding to anonymous let it in, but a group or another name that the authenticator gave it: revoke the client certificate, " +
		"or correct the front proxy or token webhook, that names a client " + audit.Anonymous + " or puts it into " + audit.Unauthenticated

	narrowPublicInfo = `kubectl patch clusterrole system:public-info-viewer --type=merge -p '{"rules":[{"verbs":["get"],"nonResourceURLs":["/healthz","/livez","/readyz","/version","/version/"]}]}'` +
		" # keep the binding: without it probes fail, and the API server restores it at its next start"
	narrowDefault = ` --type=merge -p '{"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"Group","name":"system:authenticated"}]}'` +
		" # keep the binding: all users with credentials need it"
	narrowClusterInfo = `kubectl patch role ` + clusterInfoBinding + ` -n kube-public --type=merge -p '{"rules":[{"apiGroups":[""],"resources":["configmaps"],"resourceNames":["cluster-info"],"verbs":["get"]}]}'` +
		" # keep the binding: kubeadm join needs it"
)

// remediation says how to close the hole that let a request in; empty if it
// was not let in, or if that is as it should be. It never names a binding to
// somebody who is not anonymous.
func remediation(f *facts, c *Category) string {
	if f.class == AnonymousAccessGranted {
		return revocation(&f.grant, f.outcome)
	}
	if !f.class.anonymous() {
		return ""
	}
	if f.impersonates() {
		return removeImpersonation // also if what it then asked for was refused
	}
	if !f.allowed() || c.benign {
		return ""
	}
	b := &f.binding
	switch {
	case b.Name == "" && f.class != Anonymous:
		return fixIdentity
	case b.Name == "":
		return closeAnonymous
	case !b.toAnonymous():
		return fixIdentity
	}
	return b.close()
}

// revocation takes a grant back. A binding that has, or may have, other
// subjects is not deleted.
func revocation(g *grant, outcome Outcome) string {
	switch {
	case g.void || outcome != Allowed || g.known():
		return ""
	case g.alone || g.binding.platform() || g.binding.byDefault():
		return g.binding.close()
	}
	return "remove " + g.binding.Subject + " from the subjects of " + g.binding.words() + g.binding.edit()
}

// toAnonymous reports whether the subject is one that nobody else is.
func (b *Binding) toAnonymous() bool {
	return b.Subject == "User "+audit.Anonymous || b.Subject == "Group "+audit.Unauthenticated
}

// close says how to take the access away that the binding gives to anonymous:
// default bindings are narrowed, others deleted.
func (b *Binding) close() string {
	switch {
	case b.clusterInfo():
		return narrowClusterInfo
	case b.Name == "system:public-info-viewer" && b.byDefault():
		return narrowPublicInfo
	case b.Name != "" && b.byDefault() && !b.ofOpenShift():
		return "kubectl patch clusterrolebinding " + b.Name + narrowDefault
	case b.Kind == "ClusterRoleBinding" && slices.Contains([]string{"system:public-info-viewer", "system:discovery", "system:basic-user"}, b.Name):
		return b.reset()
	case b.platform():
		return "remove the subjects " + audit.Anonymous + " and " + audit.Unauthenticated + " from " + b.words() +
			", but do not delete it: the platform made it, and may restore it" + b.edit()
	}
	o := b.target()
	if command, ok := o.deleteCommand(); ok {
		return command
	}
	return "delete " + b.words()
}

// reset makes a default binding anew that was bound to another role.
func (b *Binding) reset() string {
	groups := " --group=system:authenticated"
	if b.Name == "system:public-info-viewer" {
		groups += " --group=" + audit.Unauthenticated
	}
	return "kubectl create clusterrolebinding " + b.Name + " --clusterrole=" + b.Name + groups + " --dry-run=client -o yaml | kubectl auth reconcile --remove-extra-subjects -f -" +
		" # a default binding that was bound to another role: restore it instead of deleting it"
}

// platformBindings are bindings that platforms make themselves and say not to
// modify or delete, beside those with a prefix of platformPrefixes (OpenShift's
// bootstrap policy, github.com/openshift/openshift-apiserver pkg/bootstrappolicy).
var (
	platformBindings = []string{"self-access-reviewers", "self-provisioners", "basic-users", "cluster-status-binding", "oauth-token-deleters"}
	platformPrefixes = []string{"system:", "kubeadm:", "openshift", "eks:", "gce:", "gke", "aks", "azure"}
)

// platform reports whether the name is one that platforms use for their own
// bindings. Anybody may use such a name, so the advice is to take anonymous
// out, which is right in either case.
func (b *Binding) platform() bool {
	name, _, _ := strings.Cut(b.Name, "/")
	return slices.Contains(platformBindings, name) ||
		slices.ContainsFunc(platformPrefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// target is the binding as kubectl names it.
func (b *Binding) target() target {
	o := target{resource: strings.ToLower(b.Kind) + "s", name: b.Name}
	if b.Kind == "RoleBinding" {
		o.name, o.namespace, _ = strings.Cut(b.Name, "/")
	}
	return o
}

// words name the binding for a person.
func (b *Binding) words() string {
	o := b.target()
	o.resource = b.Kind
	if o.name == "" {
		return "the " + b.Kind + " that the event does not name"
	}
	return "the " + o.words()
}

// edit is the command that opens the binding in an editor, to follow words;
// empty if there is none.
func (b *Binding) edit() string {
	o := b.target()
	if command, ok := o.command("edit"); ok {
		return ": " + command
	}
	return ""
}
