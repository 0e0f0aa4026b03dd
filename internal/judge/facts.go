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
	binding Binding // what let the request in
	grant   grant   // what the request grants to everybody; the zero value if nothing

	verb, resource, subresource, namespace, name string
	path                                         string // the request URI without its query
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
	if f.class == AnonymousAccessGranted || f.class.anonymous() {
		f.grant, _ = grantOf(ev)
	}
	if f.class == AnonymousAccessGranted && f.grant.void {
		f.outcome = Denied // nothing was granted, whatever the authorizer said
	}
	f.path, _, _ = strings.Cut(ev.RequestURI, "?")
	if f.resource == "" {
		f.refFromPath()
	}
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

// read reports whether the verb only reads. The empty verb (an exotic method
// on a resource) does not.
func (f *facts) read() bool {
	return slices.Contains([]string{"get", "list", "watch", "head", "options"}, f.verb)
}

func (f *facts) write() bool { return f.resource != "" && !f.read() }

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

// impersonates reports whether anonymous acted as somebody else.
func (f *facts) impersonates() bool {
	return f.class.anonymous() && (f.ev.ImpersonatedUser.Username != "" || len(f.ev.ImpersonatedUser.Groups) > 0)
}

// exposed reports whether the server wrote evidence that anonymous is let in
// by more than the defaults: a named binding that is none of them, or an
// impersonation that succeeded.
func (f *facts) exposed() bool { return !f.binding.byDefault() || f.impersonates() }

// Sets of resources, by what an attacker gains from them.
var (
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

// Sets of paths that are no resources.
var (
	healthPaths  = []string{"/livez", "/readyz", "/healthz"}
	versionPaths = []string{"/version", "/version/"}
	apiPaths     = []string{"/", "/api", "/apis", "/metrics", "/openapi/v2", "/openapi/v3", "/swagger.json", "/logs", "/debug/pprof/", "/configz"}
	apiPrefixes  = []string{"/api/", "/apis/", "/openapi/", "/.well-known/", "/openid/", "/logs/", "/debug/"}
	oidcPrefixes = []string{"/.well-known/openid-configuration", "/openid/v1/jwks"}
	oauthPath    = "/.well-known/oauth-authorization-server"
)

// at reports whether the path is one of a set, exactly: /healthz/etcd and
// //livez are other paths, and the API server treats them so.
func (f *facts) at(set []string) bool { return slices.Contains(set, f.path) }

// under reports whether the path starts with one of a set.
func (f *facts) under(set []string) bool {
	return slices.ContainsFunc(set, func(prefix string) bool { return strings.HasPrefix(f.path, prefix) })
}

// healthPart reports whether the path is a single check such as /livez/etcd or
// /readyz/poststarthook/rbac. What climbs out of it, as /livez/../metrics, is none.
func (f *facts) healthPart() bool {
	return slices.ContainsFunc(healthPaths, func(prefix string) bool {
		check, ok := strings.CutPrefix(f.path, prefix+"/")
		return ok && !strings.ContainsFunc(check, func(r rune) bool { return !strings.ContainsRune(checkNames, r) })
	})
}

// checkNames are the characters of the names of health checks.
const checkNames = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/"
