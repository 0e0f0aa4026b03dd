package judge

import "strings"

// Advice where no binding is to blame.
const (
	closeAnonymous = "start the API server with --anonymous-auth=false, or allow anonymous requests only to /livez, /readyz and /healthz (AuthenticationConfiguration, anonymous.conditions)"
	madeAnew       = " # the API server makes it anew at its next start, without anonymous"
)

// remediation says how to close the hole that let a request in; empty if it
// was not let in, or if that is as it should be.
func remediation(f *facts, c *Category) string {
	if !f.allowed() || !f.class.anonymous() || c.benign {
		return ""
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
	if name == "" || clean(name) != name || clean(namespace) != namespace {
		return "", false
	}
	switch {
	case b.Kind == "ClusterRoleBinding" && !namespaced:
		return "kubectl delete clusterrolebinding " + shellWord(name), true
	case b.Kind == "RoleBinding" && namespaced:
		return "kubectl delete rolebinding --namespace=" + shellWord(namespace) + " " + shellWord(name), true
	}
	return "", false
}

// shellWord quotes s for a POSIX shell. A word that begins with a dash gets
// the "--" before it that keeps kubectl from taking it for a flag.
func shellWord(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	if strings.HasPrefix(s, "-") {
		return "-- " + quoted
	}
	return quoted
}
