package judge

import "strings"

// Advice where no binding is to blame.
const (
	closeAnonymous = "start the API server with --anonymous-auth=false, or allow anonymous requests only to /livez, /readyz and /healthz (AuthenticationConfiguration, anonymous.conditions)"
	// The binding that the server names belongs to the victim.
	stopImpersonation = "take the verb impersonate out of the roles that are bound to system:anonymous or system:unauthenticated"
	madeAnew          = " # the API server makes it anew at its next start, without anonymous"
)

// remediation says how to close the hole that let a request in; empty if it
// was not let in, or if that is as it should be.
func remediation(f *facts, c *Category) string {
	if f.class == AnonymousAccessGranted && f.allowed() {
		command, _ := f.grant.binding.deleteCommand()
		return command
	}
	if !f.allowed() || !f.class.anonymous() || c.benign {
		return ""
	}
	if f.impersonates() {
		return stopImpersonation
	}
	command, ok := f.binding.deleteCommand()
	switch {
	case !ok:
		return closeAnonymous
	case f.binding.byDefault():
		return command + madeAnew
	}
	return command
}

// deleteCommand is the kubectl command that removes exactly this binding, safe
// to paste into a shell. There is none for the zero Binding, and for a name
// that cannot be shown as it is.
func (b *Binding) deleteCommand() (command string, ok bool) {
	name, namespace, namespaced := strings.Cut(b.Name, "/")
	if name == "" || Clean(name) != name || Clean(namespace) != namespace {
		return "", false
	}
	argument := quote(name)
	if strings.HasPrefix(name, "-") {
		argument = "-- " + argument // else kubectl takes it for a flag
	}
	switch {
	case b.Kind == "ClusterRoleBinding" && !namespaced:
		return "kubectl delete clusterrolebinding " + argument, true
	case b.Kind == "RoleBinding" && namespaced:
		return "kubectl delete rolebinding --namespace=" + quote(namespace) + " " + argument, true
	}
	return "", false
}

// quote makes one word of s for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
