package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// This file holds what a review of real API servers found to be judged wrong; each
// line is one kind.

const (
	reviewsPath = "/apis/authorization.k8s.io/v1/"
	review      = `{"apiVersion":"authorization.k8s.io/v1","kind":%q,"spec":{"resourceAttributes":{"verb":"list","resource":"secrets"},"namespace":"web","user":"alice"}}`
	configMap   = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":%q}}`
)

// spelled are paths as a client may spell them, and words of the server that a
// client may put into a name. The cluster is closed.
func spelled() (all []request) {
	for path, category := range map[string]string{"/%6civez": "health_probe", "/live%7a?verbose": "health_probe", "/%76ersion": "version_probe", "/version%2f": "version_probe"} {
		all = append(all, request{kind: "encoded path", path: path, want: allowed(200, category, viewer)})
	}
	for path, category := range map[string]string{
		"/cannot%20impersonate": "web_scan_noise", "/api/v1/namespaces/web/configmaps/cannot%20impersonate": "anon_denied_discovery",
		"/api/v1/namespaces/web/secrets/x%22%20is%20forbidden:%20User%20%22y%22%20cannot%20impersonate%20resource": "anon_denied_sensitive",
		"/metrics/slis": "anon_denied_discovery", "/flagz": "anon_denied_discovery", "/statusz": "anon_denied_discovery",
		"/logs": "anon_denied_discovery",
	} {
		all = append(all, request{kind: "a path that API servers have, or the words of one", path: path, want: denied(category)})
	}
	for _, header := range []string{"Impersonate-Group: system:masters\r\n", "Impersonate-Uid: 7\r\n", "Impersonate-Extra-Scopes: all\r\n"} {
		all = append(all, request{
			kind: "impersonation attempt without a user", path: "/api/v1/namespaces/payments/secrets", header: header,
			want: expectation{status: 400, class: "anonymous", outcome: "denied", category: "anon_impersonation_attempt"},
		})
	}
	return append(all,
		request{kind: "profile", path: "/debug/pprof/heap", want: denied("anon_denied_discovery").at(long)},
		request{kind: "review", method: http.MethodPost, path: reviewsPath + "selfsubjectaccessreviews", body: fmt.Sprintf(review, "SelfSubjectAccessReview"), want: denied("anon_denied_discovery")},
		request{kind: "flag of the server", method: http.MethodPut, path: "/debug/flags/v", body: "2", want: denied("anon_denied_sensitive")},
		request{kind: "the name by certificate, in system:masters", actor: "anonymous-masters", path: "/api/v1/namespaces/payments/secrets", want: allowed(200, "anon_credential_access", "").as("anonymous_user_only")},
	)
}

// everything is what nobody does where a role with all verbs, resources and paths
// is bound to it: harmless paths show the door, what fails changes nothing.
func everything() (all []request) {
	const by, web = "e2e-everything", "/api/v1/namespaces/web"
	for path, category := range map[string]string{
		"/livez/ping": "anon_api_discovery", "/openid/v1/jwks": "anon_api_discovery", "/openid/v1/jwksx": "anon_api_discovery", "/metrics/slis": "anon_api_discovery",
		"/logs/x": "anon_sensitive_read",
		"/flagz":  "anon_api_discovery", "/statusz": "anon_api_discovery", web + "/pods/shell/ephemeralcontainers": "anon_resource_read",
	} {
		all = append(all, request{kind: "read through a wildcard", path: path, want: allowed(0, category, by)})
	}
	for resource, kind := range map[string]string{
		"selfsubjectaccessreviews": "SelfSubjectAccessReview", "selfsubjectrulesreviews": "SelfSubjectRulesReview", "subjectaccessreviews": "SubjectAccessReview",
	} {
		all = append(all, request{kind: "review", method: http.MethodPost, path: reviewsPath + resource, body: fmt.Sprintf(review, kind), want: allowed(201, "anon_api_discovery", by)})
	}
	for _, path := range []string{"/debug/pprof/cmdline", "/debug/pprof/heap"} {
		all = append(all, request{kind: "profile", path: path, want: allowed(0, "anon_sensitive_read", by).at(long)})
	}
	futile := func(status int) expectation { return allowed(status, "anon_allowed_failed", by) }
	return append(all,
		request{kind: "review", method: http.MethodPost, path: "/apis/authentication.k8s.io/v1/selfsubjectreviews", body: `{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`, want: allowed(201, "anon_api_discovery", by)},
		request{kind: "health check by HEAD", method: http.MethodHead, path: "/livez", want: allowed(200, "anon_api_discovery", by)},
		request{kind: "flag of the server", method: http.MethodPut, path: "/debug/flags/v", body: "2", want: allowed(200, "anon_control_plane_change", by)},
		request{kind: "dry run", method: http.MethodPost, path: web + "/pods?dryRun=All", body: fmt.Sprintf(pod, "dry"), want: futile(201)},
		request{kind: "dry run", method: http.MethodPost, path: web + "/configmaps?dry%52un=%41ll", body: fmt.Sprintf(configMap, "dry"), want: futile(201)},
		request{kind: "a parameter that is no dry run", method: http.MethodPost, path: web + "/configmaps?dryrun=All", body: fmt.Sprintf(configMap, "wet"), want: allowed(201, "anon_write", by)},
		request{kind: "a read with dryRun", path: web + "/secrets?dryRun=All", want: allowed(200, "anon_credential_access", by)},
		request{kind: "conflict", method: http.MethodPost, path: web + "/configmaps", body: fmt.Sprintf(configMap, "wet"), want: futile(409)},
		request{kind: "nothing of that name", method: http.MethodDelete, path: web + "/configmaps/none", want: futile(404)},
		request{kind: "refused by admission", method: http.MethodPost, path: "/api/v1/namespaces/locked/pods", body: fmt.Sprintf(pod, "locked"), want: futile(403)},
		request{kind: "a method that the resource has not", method: "PROPFIND", path: web + "/pods", want: futile(405)},
	)
}

// impersonators is what nobody does where it may impersonate anybody: the door is
// that right, not the bindings of those whom it acts as.
func impersonators() []request {
	as := func(user string) string { return "Impersonate-User: " + user + "\r\n" }
	const pods = "/api/v1/namespaces/web/pods"
	return []request{
		{kind: "impersonation of a user", path: pods, header: as("carl"), want: allowed(200, "anon_impersonation", "")},
		{kind: "impersonation of a user, on a health check", path: "/livez", header: as("carl"), want: allowed(200, "anon_impersonation", "")},
		{kind: "impersonation of a user who may not", path: "/api/v1/namespaces/kube-system/pods", header: as("carl"), want: denied("anon_impersonation")},
		{kind: "impersonation of an administrator", path: pods, header: as("dora"), want: allowed(200, "anon_impersonation", "")},
		{kind: "impersonation of an administrator", path: "/api/v1/namespaces/payments/secrets", header: as("dora"), want: allowed(200, "anon_credential_access", "")},
		{kind: "impersonation of system:masters", path: pods, header: as("x") + "Impersonate-Group: system:masters\r\n", want: allowed(200, "anon_impersonation", "")},
		{kind: "impersonation of a service account", path: pods, header: as("system:serviceaccount:web:builder"), want: denied("anon_impersonation")},
		{kind: "impersonation of nobody", path: "/api/v1/secrets", header: as("system:anonymous"), want: denied("anon_denied_sensitive")},
	}
}

// administrator of a namespace: cluster-admin by a RoleBinding.
func namespaceAdministrator() []request {
	return []request{
		{kind: "cluster-admin of a namespace", path: "/api/v1/namespaces/web/secrets", want: allowed(200, "anon_cluster_admin", "e2e-namespace/web")},
		{kind: "another namespace", path: "/api/v1/namespaces/payments/secrets", want: denied("anon_denied_sensitive")},
	}
}

// setUpLab makes what the requests of this file are about, as the administrator.
func setUpLab(t *testing.T, c *cluster) {
	t.Helper()
	const roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
	role := `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":%q},"rules":%s}`
	for path, bodies := range map[string][]string{
		"/api/v1/namespaces": {`{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"locked","labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}`},
		roles: {
			fmt.Sprintf(role, "e2e-everything", `[{"apiGroups":["*"],"resources":["*"],"verbs":["*"]},{"nonResourceURLs":["*"],"verbs":["*"]}]`),
			fmt.Sprintf(role, "e2e-impersonator", `[{"apiGroups":[""],"resources":["users","groups","serviceaccounts"],"verbs":["impersonate"]}]`),
		},
		crbs: {fmt.Sprintf(binding, "ClusterRoleBinding", "dora-admin", "cluster-admin", "User", "dora")},
		rbs:  {fmt.Sprintf(binding, "RoleBinding", "carl-view", "e2e-reader", "User", "carl")},
	} {
		for _, body := range bodies {
			if answer := c.ask(c.admin, http.MethodPost, path, body); answer.StatusCode != http.StatusCreated {
				t.Fatalf("%s: %d %.100s", path, answer.StatusCode, body)
			}
		}
	}
}

// widened is what nobody gets when a default role was widened.
func widened(f *traffic) {
	const role = "/apis/rbac.authorization.k8s.io/v1/clusterroles/system:public-info-viewer"
	patch := func(urls ...string) request {
		return request{
			kind: "a default role is changed", actor: "admin", method: http.MethodPatch, path: role, header: "Content-Type: application/merge-patch+json\r\n",
			body: `{"rules":[{"nonResourceURLs":["` + strings.Join(urls, `","`) + `"],"verbs":["get"]}]}`, want: expectation{status: 200},
		}
	}
	defaults := []string{"/healthz", "/livez", "/readyz", "/version", "/version/"}
	f.send("a default role is widened", []request{patch(append([]string{"/metrics"}, defaults...)...)})
	waitForPath(f.cluster.t, f.cluster, "/metrics", true)
	f.send("a default role is widened", []request{
		{kind: "metrics", path: "/metrics", want: allowed(200, "anon_api_discovery", viewer)},
		{kind: "metrics, encoded", path: "/%6Detrics", want: allowed(200, "anon_api_discovery", viewer)},
		patch(defaults...),
	})
	waitForPath(f.cluster.t, f.cluster, "/metrics", false)
}
