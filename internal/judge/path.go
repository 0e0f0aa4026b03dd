package judge

import (
	"net/url"
	"path"
	"slices"
	"strings"
)

// servedPath is the path of a request URI as the API server matches it: without
// its query, percent-decoded. The server does not clean it: /livez/../metrics
// and //livez are other paths than /metrics and /livez (k8s.io/apiserver
// pkg/server/mux matches r.URL.Path exactly).
func servedPath(uri string) string {
	p, _, _ := strings.Cut(uri, "?")
	if !strings.Contains(p, "%") {
		return p
	}
	decoded, err := url.PathUnescape(p)
	if err != nil {
		return p // the server refuses it
	}
	return decoded
}

// Sets of paths that are not resources. Sources: k8s.io/apiserver pkg/server
// (config.go installAPI, routes/), k8s.io/component-base (metrics, zpages) and
// k8s.io/kubernetes pkg/controlplane.
var (
	healthPaths  = []string{"/livez", "/readyz", "/healthz"}
	versionPaths = []string{"/version", "/version/"}
	oidcPaths    = []string{"/.well-known/openid-configuration", "/.well-known/openid-configuration/", "/openid/v1/jwks", "/openid/v1/jwks/", "/.well-known/oauth-authorization-server"}
	apiPaths     = []string{
		"/", "/api", "/apis", "/openapi", "/openapi/v2", "/openapi/v3", "/swagger.json", "/metrics", "/flagz", "/statusz", "/configz", "/logs", "/debug/pprof",
	}
	apiPrefixes = []string{"/api/", "/apis/", "/openapi/", "/.well-known/", "/openid/", "/metrics/", "/logs/", "/debug/"}
	// A heap dump holds whatever is in memory, secrets included, and log files
	// hold audit logs.
	revealing = []string{"/debug/pprof", "/logs"}
	// A write to it changes what the API server logs.
	flagsPrefix = "/debug/flags/"
	// Pages of OpenShift's OAuth server, which serves anonymous by design
	// (github.com/openshift/oauth-server pkg/oauthserver).
	loginPaths = []string{"/login", "/logout", "/oauth"}
)

// at reports whether the path is one of a set, exactly.
func (f *facts) at(set []string) bool { return slices.Contains(set, f.path) }

// servedAt is at for a request that was allowed: a default binding in the
// server's words proves that the server itself took the path for one of the
// binding's, however the client spelt it.
func (f *facts) servedAt(set []string) bool {
	return f.at(set) || f.binding.Name != "" && f.binding.byDefault() && slices.Contains(set, path.Clean("/"+f.path))
}

// under reports whether the path starts with one of a set.
func (f *facts) under(set []string) bool {
	return slices.ContainsFunc(set, func(prefix string) bool { return strings.HasPrefix(f.path, prefix) })
}

// atOrBelow reports whether the path is one of a set, or below one.
func (f *facts) atOrBelow(set []string) bool {
	return slices.ContainsFunc(set, func(p string) bool { return f.path == p || strings.HasPrefix(f.path, p+"/") })
}

// healthPart reports whether the path is a single check such as /livez/etcd or
// /readyz/poststarthook/rbac. What climbs out of it, as /livez/../metrics, is not.
func (f *facts) healthPart() bool {
	return slices.ContainsFunc(healthPaths, func(prefix string) bool {
		check, ok := strings.CutPrefix(f.path, prefix+"/")
		return ok && !strings.ContainsFunc(check, func(r rune) bool { return !strings.ContainsRune(checkNames, r) })
	})
}

// checkNames are the characters of the names of health checks.
const checkNames = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_/"

// harmless reports whether the request asks for what every cluster answers to
// anybody: health checks, the version, kubeadm's cluster-info.
func (f *facts) harmless() bool {
	switch {
	case f.impersonates():
		return false
	case f.resource == "":
		return f.reads() && (f.at(healthPaths) || f.at(versionPaths) || f.healthPart())
	}
	return f.verb == "get" && f.asksClusterInfo()
}

// asksClusterInfo reports whether the object is the config map that kubeadm
// publishes.
func (f *facts) asksClusterInfo() bool {
	return f.resource == "configmaps" && f.subresource == "" && f.namespace == "kube-public" && f.name == "cluster-info"
}
