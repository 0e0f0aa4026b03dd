package judge_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// request makes an anonymous event; path is a request URI or resource paths
// such as "pods/exec@web" (resource/subresource@namespace).
func request(verb, what, decision string) audit.Event {
	ev := audit.Event{
		Verb: verb, Stage: "ResponseComplete", SourceIPs: []string{"fe80::1"},
		User: audit.User{Username: audit.Anonymous, Groups: []string{audit.Unauthenticated}},
	}
	ev.Annotations.Decision = decision
	if strings.HasPrefix(what, "/") {
		ev.RequestURI = what
		return ev
	}
	resource, namespace, _ := strings.Cut(what, "@")
	ev.ObjectRef.Namespace = namespace
	ev.ObjectRef.Resource, ev.ObjectRef.Subresource, _ = strings.Cut(resource, "/")
	return ev
}

const (
	publicInfo   = `RBAC: allowed by ClusterRoleBinding "system:public-info-viewer" of ClusterRole "system:public-info-viewer" to Group "system:unauthenticated"`
	webhooks     = `RBAC: allowed by ClusterRoleBinding "system:webhooks" of ClusterRole "system:webhook" to Group "system:unauthenticated"`
	kubeadm      = `RBAC: allowed by RoleBinding "kubeadm:bootstrap-signer-clusterinfo/kube-public" of Role "kubeadm:bootstrap-signer-clusterinfo" to User "system:anonymous"`
	issuer       = `RBAC: allowed by ClusterRoleBinding "irsa" of ClusterRole "system:service-account-issuer-discovery" to Group "system:unauthenticated"`
	rogue        = `RBAC: allowed by ClusterRoleBinding "anon-view" of ClusterRole "view" to Group "system:unauthenticated"`
	clusterAdmin = `RBAC: allowed by ClusterRoleBinding "anon-admin" of ClusterRole "cluster-admin" to Group "system:unauthenticated"`
)

// TestCategories is the table of categories: what is asked for, the decision,
// and what comes of it, before any modifier.
func TestCategories(t *testing.T) {
	seen := map[string]bool{
		"anon_impersonation_attempt": true,                                 // TestImpersonationRefused
		"anon_impersonation":         true,                                 // TestImpersonation
		"anon_allowed_failed":        true,                                 // TestEffect
		"openshift_login":            true, "openshift_login_failed": true, // TestOpenShift
		"bootstrap_cluster_info": true, // TestClusterInfo
	}
	for _, class := range judge.Optional() {
		seen[string(class)] = true // TestClasses, TestGrant
	}
	for _, tc := range []struct {
		verb, what, decision, reason string
		category                     string
		score                        int
	}{
		{"get", "pods/exec@web", "allow", "", "anon_code_execution", 90},
		{"create", "pods/exec@web", "allow", "", "anon_code_execution", 90},
		{"get", "pods/portforward@web", "allow", "", "anon_code_execution", 90},
		{"update", "pods/ephemeralcontainers@web", "allow", "", "anon_code_execution", 90},
		{"get", "nodes/proxy", "allow", "", "anon_code_execution", 90},
		{"get", "secrets@web", "allow", "", "anon_credential_access", 86},
		{"delete", "secrets@web", "allow", "", "anon_credential_access", 86},
		{"create", "serviceaccounts/token@web", "allow", "", "anon_credential_access", 86},
		{"create", "certificatesigningrequests", "allow", "", "anon_credential_access", 86},
		{"create", "clusterrolebindings", "allow", "", "anon_rbac_change", 95},
		{"delete", "rolebindings@web", "allow", "", "anon_rbac_change", 95},
		{"patch", "mutatingwebhookconfigurations", "allow", "", "anon_control_plane_change", 86},
		{"delete", "pods@web", "allow", "", "anon_destructive", 81},
		{"deletecollection", "pods@web", "allow", "", "anon_destructive", 81},
		{"create", "pods@web", "allow", "", "anon_workload_change", 86},
		{"patch", "deployments/scale@web", "allow", "", "anon_workload_change", 86},
		{"create", "services@web", "allow", "", "anon_write", 68},
		{"", "services@web", "allow", "", "anon_resource_read", 48}, // a shipper dropped the verb: not known to be a write
		{"get", "configmaps@web", "allow", "", "anon_sensitive_read", 56},
		{"list", "clusterroles", "allow", "", "anon_sensitive_read", 56},
		{"get", "pods/log@web", "allow", "", "anon_sensitive_read", 56},
		{"watch", "pods@web", "allow", "", "anon_resource_read", 48},
		{"get", "/apis", "allow", "", "anon_api_discovery", 28},
		{"get", "/metrics", "allow", publicInfo, "anon_api_discovery", 28},
		{"get", "/healthz", "allow", publicInfo, "health_probe", 1},
		{"get", "/livez?verbose", "allow", "", "health_probe", 1},
		{"get", "/version", "allow", publicInfo, "version_probe", 5},
		{"get", "/.well-known/openid-configuration", "allow", issuer, "oidc_discovery", 5},
		{"get", "/openid/v1/jwks/", "allow", "", "oidc_discovery", 5},

		// A harmless path with evidence of a hole is not harmless.
		{"get", "/healthz", "allow", rogue, "anon_api_discovery", 28},
		{"get", "/version", "allow", rogue, "anon_api_discovery", 28},
		{"get", "/healthz", "allow", clusterAdmin, "anon_cluster_admin", 95},
		{"get", "/healthz", "allow", strings.Replace(publicInfo, `of ClusterRole "system:public-info-viewer"`, `of ClusterRole "view"`, 1), "anon_api_discovery", 28},
		{"list", "secrets@web", "allow", clusterAdmin, "anon_cluster_admin", 95},

		{"create", "buildconfigs/webhooks@web", "allow", webhooks, "openshift_build_webhook", 20},
		{"get", "/openid/v1/jwks", "allow", rogue, "anon_api_discovery", 28},
		{"get", "/openid/v1/jwksx", "allow", "", "anon_api_discovery", 28},
		{"get", "/.well-known/openid-configuration/../../x", "allow", "", "anon_api_discovery", 28},

		// Paths as the server serves them: decoded.
		{"get", "/%6civez", "allow", publicInfo, "health_probe", 1},
		{"get", "/live%7A?verbose", "allow", publicInfo, "health_probe", 1},
		{"get", "/%72eadyz%3f", "allow", "", "anon_api_discovery", 28}, // a question mark in the name
		{"get", "/version%2f", "allow", publicInfo, "version_probe", 5},
		{"get", "/%76ersion", "allow", "", "version_probe", 5},
		{"get", "//version", "allow", publicInfo, "version_probe", 5}, // the server says by which binding
		{"get", "//version", "allow", "", "anon_api_discovery", 28},
		{"get", "/%6Detrics", "forbid", "", "anon_denied_discovery", 16},
		{"get", "/api/v1/namespaces/web/%73ecrets", "forbid", "", "anon_denied_sensitive", 25},
		{"get", "/%zz", "forbid", "", "web_scan_noise", 12},

		// Paths that API servers have.
		{"get", "/metrics/slis", "forbid", "", "anon_denied_discovery", 16},
		{"get", "/metrics/cadvisor", "forbid", "", "anon_denied_discovery", 16},
		{"get", "/flagz", "forbid", "", "anon_denied_discovery", 16},
		{"get", "/statusz", "forbid", "", "anon_denied_discovery", 16},
		{"get", "/metricsx", "forbid", "", "web_scan_noise", 12},
		{"get", "/statusz", "allow", rogue, "anon_api_discovery", 28},
		{"get", "/debug/pprof/heap", "allow", rogue, "anon_sensitive_read", 56},
		{"get", "/debug/pprof", "allow", rogue, "anon_sensitive_read", 56},
		{"get", "/logs/kube-apiserver/audit.log", "allow", rogue, "anon_sensitive_read", 56},
		{"get", "/logs", "allow", rogue, "anon_sensitive_read", 56},
		{"put", "/debug/flags/v", "allow", rogue, "anon_control_plane_change", 86},
		{"put", "/debug/flags/v", "forbid", "", "anon_denied_sensitive", 25},
		{"get", "/debug/flags/v", "allow", rogue, "anon_api_discovery", 28},

		// Reviews store nothing.
		{"create", "selfsubjectreviews", "allow", "", "anon_api_discovery", 28},
		{"create", "selfsubjectaccessreviews", "allow", rogue, "anon_api_discovery", 28},
		{"create", "localsubjectaccessreviews@web", "allow", rogue, "anon_api_discovery", 28},
		{"create", "tokencredentialrequests", "allow", rogue, "anon_api_discovery", 28},
		{"create", "selfsubjectrulesreviews", "forbid", "", "anon_denied_discovery", 16},
		{"create", "bookreviews@web", "allow", rogue, "anon_write", 68}, // a custom resource

		{"get", "pods/ephemeralcontainers@web", "allow", "", "anon_resource_read", 48},
		{"", "pods@web", "allow", "", "anon_resource_read", 48},

		{"list", "secrets@web", "forbid", "", "anon_denied_sensitive", 25},
		{"get", "pods/exec@web", "forbid", "", "anon_denied_sensitive", 25},
		{"create", "pods@web", "forbid", "", "anon_denied_sensitive", 25},
		{"", "pods@web", "forbid", "", "anon_denied_sensitive", 25},
		{"list", "pods@web", "forbid", "", "anon_denied_discovery", 16},
		{"get", "/api", "forbid", "", "anon_denied_discovery", 16},
		{"get", "/", "forbid", "", "anon_denied_discovery", 16},
		{"get", "/healthz/etcd", "forbid", "", "denied_health_probe", 2},
		{"head", "/livez", "forbid", "", "denied_health_probe", 2},
		{"get", "/readyz/poststarthook/rbac_bootstrap-roles", "forbid", "", "denied_health_probe", 2},
		{"get", "/livez/../metrics", "forbid", "", "web_scan_noise", 12},
		{"get", "/livez/%2e%2e/metrics", "forbid", "", "web_scan_noise", 12},
		{"get", "//livez", "forbid", "", "web_scan_noise", 12},
		{"get", "/.env", "forbid", "", "web_scan_noise", 12},
		{"list", "pods@web", "", "", "anon_unknown_outcome", 25},
		{"get", "/livez/../metrics", "", "", "anon_unknown_outcome", 25},
		{"post", "/healthz", "", "", "anon_unknown_outcome", 25},
	} {
		ev := request(tc.verb, tc.what, tc.decision)
		ev.Annotations.Reason = tc.reason
		policy := judge.DefaultPolicy()
		v := policy.Judge(&ev)
		seen[tc.category] = true
		if v.Category.Name != tc.category || v.Score != tc.score || len(v.Factors) != 1 {
			t.Errorf("%s %s %s %.60s: got %s %d %v, want %s %d", tc.verb, tc.what, tc.decision, tc.reason, v.Category.Name, v.Score, v.Factors, tc.category, tc.score)
		}
	}
	for _, c := range judge.Categories() {
		if !seen[c.Name] {
			t.Errorf("%s: a category needs lines here", c.Name)
		}
	}
}

// TestImpersonationRefused: the words of the API server before and since
// Kubernetes 1.36.
func TestImpersonationRefused(t *testing.T) {
	for _, message := range []string{
		`users "admin" is forbidden: User "system:anonymous" cannot impersonate resource "users" in API group "" at the cluster scope`,
		`secrets is forbidden: User "system:anonymous" cannot impersonate-on:user-info:list resource "secrets" in API group "" in the namespace "payments"`,
		`secrets is forbidden: User "system:anonymous" cannot impersonate-on:serviceaccount:list resource "secrets" in API group "" in the namespace "payments"`,
	} {
		ev := request("list", "secrets@payments", "")
		ev.ResponseStatus.Code, ev.ResponseStatus.Message = "403", message
		policy := judge.DefaultPolicy()
		if v := policy.Judge(&ev); v.Category.Name != "anon_impersonation_attempt" || v.Score != 42 {
			t.Errorf("%s: %s %d", message, v.Category.Name, v.Score)
		}
	}
}

// TestClusterInfo: the config map of kubeadm is harmless by what the server
// wrote, not by its name.
func TestClusterInfo(t *testing.T) {
	for reason, want := range map[string]string{
		kubeadm: "bootstrap_cluster_info", "": "bootstrap_cluster_info", rogue: "anon_sensitive_read", clusterAdmin: "anon_cluster_admin",
		"some webhook": "anon_sensitive_read",
	} {
		ev := request("get", "configmaps@kube-public", "allow")
		ev.ObjectRef.Name, ev.Annotations.Reason = "cluster-info", reason
		policy := judge.DefaultPolicy()
		if v := policy.Judge(&ev); v.Category.Name != want {
			t.Errorf("%q: got %s, want %s", reason, v.Category.Name, want)
		}
	}
}

// TestModifiers changes one thing of a denied list of pods (40x40) at a time.
func TestModifiers(t *testing.T) {
	for _, tc := range []struct {
		name               string
		change             func(*audit.Event)
		impact, confidence int
		factors            string
	}{
		{"nothing", func(*audit.Event) {}, 40, 40, ""},
		{"public", func(e *audit.Event) { e.SourceIPs = []string{"203.0.113.7"} }, 40, 45, "public_source confidence+5"},
		{"public IPv6 with port", func(e *audit.Event) { e.SourceIPs = []string{"[2001:db8::1]:443"} }, 40, 45, "public_source confidence+5"},
		{"IPv4 in IPv6", func(e *audit.Event) { e.SourceIPs = []string{"::ffff:203.0.113.7"} }, 40, 45, "public_source confidence+5"},
		{"private", func(e *audit.Event) { e.SourceIPs = []string{"10.0.0.1"} }, 40, 30, "private_source_refused confidence-10"},
		{"loopback", func(e *audit.Event) { e.SourceIPs = []string{"::1"} }, 40, 30, "private_source_refused confidence-10"},
		{"unique local", func(e *audit.Event) { e.SourceIPs = []string{"fd00::1"} }, 40, 30, "private_source_refused confidence-10"},
		{"no address", func(e *audit.Event) { e.SourceIPs = nil }, 40, 40, ""},
		{"no address at all", func(e *audit.Event) { e.SourceIPs = []string{"x"} }, 40, 40, ""},
		{"a claim of the client", func(e *audit.Event) { e.SourceIPs = []string{"10.0.0.1", "203.0.113.7"} }, 40, 50, "public_source confidence+5,forged_forwarded_for confidence+5"},
		{"kube-system", func(e *audit.Event) { e.ObjectRef.Namespace = "kube-system" }, 50, 40, "system_namespace impact+10"},
		{"scanner", func(e *audit.Event) { e.UserAgent = "Mozilla/5.0 (compatible; CensysInspect/1.1)" }, 40, 50, "scanner_user_agent confidence+10"},
		{"probe", func(e *audit.Event) { e.UserAgent = "kube-probe/1.33" }, 40, 50, "probe_user_agent_elsewhere confidence+10"},
		{"script", func(e *audit.Event) { e.UserAgent = "curl/8" }, 40, 40, "scripted_user_agent"},
	} {
		ev := request("list", "pods@web", "forbid")
		tc.change(&ev)
		policy := judge.DefaultPolicy()
		v := policy.Judge(&ev)
		if got := strings.Join(v.Factors[1:], ","); v.Impact != tc.impact || v.Confidence != tc.confidence || got != tc.factors {
			t.Errorf("%s: got %dx%d %q, want %dx%d %q", tc.name, v.Impact, v.Confidence, got, tc.impact, tc.confidence, tc.factors)
		}
	}
}

// TestNothingLowers: no text that a client writes makes a score smaller or a
// row disappear.
func TestNothingLowers(t *testing.T) {
	policy := judge.DefaultPolicy()
	for _, decision := range []string{"allow", "forbid", ""} {
		for _, what := range []string{"secrets@web", "pods@web", "/healthz", "/api", "/.env"} {
			plain := request("list", what, decision)
			base := policy.Judge(&plain).Score
			for _, change := range []func(*audit.Event){
				func(e *audit.Event) { e.UserAgent = "kube-probe/1.33" },
				func(e *audit.Event) { e.UserAgent = "kube-hunter" },
				func(e *audit.Event) { e.SourceIPs = append([]string{"127.0.0.1", "10.0.0.1"}, e.SourceIPs...) },
				func(e *audit.Event) { e.SourceIPs = append([]string{"203.0.113.7"}, e.SourceIPs...) },
				func(e *audit.Event) { e.AuditID = "x" },
				func(e *audit.Event) { e.ResponseStatus.Message = "cannot impersonate resource" },
			} {
				ev := plain
				change(&ev)
				if v := policy.Judge(&ev); !v.Hit || v.Score < base {
					t.Errorf("%s %q: %d, was %d (%v)", what, decision, v.Score, base, v.Factors)
				}
			}
		}
	}
}

func TestClasses(t *testing.T) {
	user := func(name string, groups ...string) audit.User { return audit.User{Username: name, Groups: groups} }
	for _, tc := range []struct {
		name        string
		ev          audit.Event
		class       judge.Class
		any, strict bool
	}{
		{"both", audit.Event{User: user(audit.Anonymous, audit.Unauthenticated)}, judge.Anonymous, true, true},
		{"name", audit.Event{User: user(audit.Anonymous, "system:authenticated")}, judge.AnonymousUserOnly, true, false},
		{"group", audit.Event{User: user("x", "a", audit.Unauthenticated)}, judge.UnauthenticatedGroupOnly, true, false},
		{"no groups in the dialect", audit.Event{User: user(audit.Anonymous), NameIsAll: true}, judge.Anonymous, true, true},
		{"another case", audit.Event{User: user("SYSTEM:ANONYMOUS")}, judge.Authenticated, false, false},
		{"blank", audit.Event{User: user(" system:anonymous")}, judge.Authenticated, false, false},
		{"impersonated", audit.Event{User: user("admin"), ImpersonatedUser: user(audit.Anonymous)}, judge.ImpersonatedAnonymous, false, false},
		{"anonymous impersonates", audit.Event{User: user(audit.Anonymous, audit.Unauthenticated), ImpersonatedUser: user("admin")}, judge.Anonymous, true, true},
		{"401", audit.Event{ResponseStatus: audit.ResponseStatus{Code: "401"}}, judge.Rejected401, false, false},
		{"nobody", audit.Event{}, judge.Unknown, false, false},
	} {
		any, strict := judge.DefaultPolicy(), judge.DefaultPolicy()
		strict.Strict = true
		if v := any.Judge(&tc.ev); v.Class != tc.class || v.Hit != tc.any {
			t.Errorf("%s, any: %s %v", tc.name, v.Class, v.Hit)
		}
		if v := strict.Judge(&tc.ev); v.Class != tc.class || v.Hit != tc.strict {
			t.Errorf("%s, strict: %s %v", tc.name, v.Class, v.Hit)
		}
		include := judge.DefaultPolicy()
		include.Include = judge.Optional()
		if v := include.Judge(&tc.ev); v.Hit != (tc.class != judge.Authenticated && tc.class != judge.Unknown) {
			t.Errorf("%s, include: %v", tc.name, v.Hit)
		}
	}
}

func TestSrcIP(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, tc := range []struct {
		chain         string
		last, trusted string
	}{
		{"", "", ""},
		{"203.0.113.7", "203.0.113.7", "203.0.113.7"},
		{"1.1.1.1,203.0.113.7", "203.0.113.7", "203.0.113.7"},
		{"1.1.1.1,203.0.113.7,10.0.0.1", "10.0.0.1", "203.0.113.7"},
		{"203.0.113.7,10.0.0.2:443,[2001:db8::9]:1,::ffff:10.0.0.1", "::ffff:10.0.0.1", "203.0.113.7"},
		{"10.0.0.3,10.0.0.2", "10.0.0.2", "10.0.0.3"},
		{"203.0.113.7,garbage", "garbage", "garbage"},
		{"fe80::1%eth0", "fe80::1%eth0", "fe80::1%eth0"},
	} {
		var ev audit.Event
		if tc.chain != "" {
			ev.SourceIPs = strings.Split(tc.chain, ",")
		}
		for _, p := range []struct {
			policy judge.Policy
			want   string
		}{{judge.Policy{}, tc.last}, {judge.Policy{Proxies: proxies}, tc.trusted}} {
			if got := strings.Join(p.policy.Judge(&ev).SrcIPs, ","); got != p.want {
				t.Errorf("%s, %d proxies: got %s, want %s", tc.chain, len(p.policy.Proxies), got, p.want)
			}
		}
		all := judge.Policy{AllSrcIPs: true}
		if diff := cmp.Diff(ev.SourceIPs, all.Judge(&ev).SrcIPs); diff != "" {
			t.Error(diff)
		}
	}
}

// TestBinding reads the reason of the authorizer, whose names are quoted.
func TestBinding(t *testing.T) {
	for reason, want := range map[string]judge.Binding{
		rogue:           {Kind: "ClusterRoleBinding", Name: "anon-view", RoleKind: "ClusterRole", Role: "view", Subject: "Group system:unauthenticated"},
		kubeadm:         {Kind: "RoleBinding", Name: "kubeadm:bootstrap-signer-clusterinfo/kube-public", RoleKind: "Role", Role: "kubeadm:bootstrap-signer-clusterinfo", Subject: "User system:anonymous"},
		"":              {},
		"access policy": {},
		`RBAC: allowed by ClusterRoleBinding "a\" of ClusterRole \"cluster-admin" of ClusterRole "view" to Group "g"`: {Kind: "ClusterRoleBinding", Name: `a" of ClusterRole "cluster-admin`, RoleKind: "ClusterRole", Role: "view", Subject: "Group g"},
		`RBAC: allowed by ClusterRoleBinding "a" of ClusterRole "view`:                                                {},
		`RBAC: allowed by ClusterRoleBinding "a`:                                                                      {},
	} {
		ev := request("get", "pods", "allow")
		ev.Annotations.Reason = reason
		policy := judge.DefaultPolicy()
		if diff := cmp.Diff(want, policy.Judge(&ev).Binding); diff != "" {
			t.Errorf("%s\n%s", reason, diff)
		}
	}
}

// TestRefFromPath: without an objectRef the object is read from the path.
func TestRefFromPath(t *testing.T) {
	policy := judge.DefaultPolicy()
	for path, want := range map[string]string{
		"/api/v1/namespaces/web/secrets/s":             "anon_credential_access",
		"/api/v1/namespaces/web/pods/p/exec?command=x": "anon_code_execution",
		"/api/v1/watch/namespaces/web/pods":            "anon_resource_read",
		"/apis/rbac.authorization.k8s.io/v1/roles":     "anon_sensitive_read",
		"/api/v1/namespaces/web":                       "anon_resource_read",
		"/api/v1/nodes":                                "anon_sensitive_read",
		"/api/v1":                                      "anon_api_discovery",
		"/apis/apps/v1":                                "anon_api_discovery",
		"/apis":                                        "anon_api_discovery",
	} {
		ev := request("get", path, "allow")
		if v := policy.Judge(&ev); v.Category.Name != want {
			t.Errorf("%s: got %s, want %s", path, v.Category.Name, want)
		}
	}
}

// TestMessages: what people read is one bounded line without control
// characters, whatever an attacker wrote.
func TestMessages(t *testing.T) {
	policy := judge.DefaultPolicy()
	ev := request("list", "secrets@web", "allow")
	ev.Annotations.Reason = rogue
	if got, want := policy.Judge(&ev).Message, "Anonymous list of secrets in web from fe80::1 was ALLOWED by ClusterRoleBinding anon-view (ClusterRole view)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, decision := range []string{"allow", "forbid", ""} {
		evil := strings.Repeat("\x1b[31m\n\u202e\u0085<script>\xff", 500)
		ev := request(evil, "/"+evil, decision)
		ev.SourceIPs = []string{evil}
		ev.User = audit.User{Username: evil, Groups: []string{audit.Unauthenticated}}
		ev.ResponseStatus.Message = "cannot impersonate resource " + evil
		ev.ObjectRef = audit.ObjectRef{Resource: evil, Namespace: evil, Name: evil, Subresource: evil}
		v := policy.Judge(&ev)
		for _, s := range []string{v.Message, v.What, v.ThreatObject} {
			if len(s) > 2000 || strings.ContainsAny(s, "\x1b\n\u202e\u0085") {
				t.Errorf("%d bytes: %.200q", len(s), s)
			}
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	policy := judge.DefaultPolicy()
	ev := request("list", "secrets@kube-system", "allow")
	ev.Annotations.Reason = rogue
	ev.UserAgent = "kubectl/v1.36.3 (linux/amd64) kubernetes/abc1234"
	ev.SourceIPs = []string{"10.0.0.1", "203.0.113.7"}
	b.ReportAllocs()
	for b.Loop() {
		if v := policy.Judge(&ev); !v.Hit {
			b.Fatal("no hit")
		}
	}
}

// TestRemediation: the command removes exactly the binding that the server
// named, whatever its name is made of.
func TestRemediation(t *testing.T) {
	reason := func(kind, name string) string {
		return fmt.Sprintf("RBAC: allowed by %s %q of ClusterRole \"view\" to Group \"system:unauthenticated\"", kind, name)
	}
	for _, tc := range []struct{ what, decision, reason, want string }{
		{"pods", "allow", rogue, "kubectl delete clusterrolebinding 'anon-view'"},
		{"pods@web", "allow", reason("RoleBinding", "open/web"), "kubectl delete rolebinding --namespace='web' 'open'"},
		{"pods", "allow", reason("ClusterRoleBinding", "it's; rm -rf $HOME"), `kubectl delete clusterrolebinding 'it'\''s; rm -rf $HOME'`},
		{"pods", "allow", reason("ClusterRoleBinding", "--all"), "kubectl delete clusterrolebinding -- '--all'"},
		{"pods", "allow", reason("ClusterRoleBinding", "a\x1b[2Jb"), "start the API server with --anonymous-auth=false"},
		{"pods", "allow", "", "start the API server with --anonymous-auth=false"},
		{"/healthz", "allow", publicInfo, ""},
		{"/healthz", "allow", rogue, "kubectl delete clusterrolebinding 'anon-view'"},
		{"/apis", "allow", strings.ReplaceAll(publicInfo, "public-info-viewer", "discovery"), "kubectl delete clusterrolebinding 'system:discovery' # the API server makes it anew"},
		{"pods", "forbid", "", ""},
		{"pods", "", "", ""},
	} {
		ev := request("get", tc.what, tc.decision)
		ev.Annotations.Reason = tc.reason
		policy := judge.DefaultPolicy()
		if got := policy.Judge(&ev).Remediation; !strings.HasPrefix(got, tc.want) || (got == "") != (tc.want == "") {
			t.Errorf("%s %s: got %q, want %q", tc.what, tc.reason, got, tc.want)
		}
	}
}

// TestTable: every category can be listed: it has numbers, an example and a
// reason, and the words of the techniques are IDs.
func TestTable(t *testing.T) {
	all := judge.Categories()
	if len(all) != 30 {
		t.Errorf("%d categories", len(all))
	}
	for _, c := range all {
		if c.Impact <= 0 || c.Impact > 100 || c.Confidence <= 0 || c.Confidence > 100 || c.Example == "" || !strings.HasSuffix(c.Why, ".") {
			t.Errorf("%+v", c)
		}
		for _, id := range c.ATTACK {
			if !regexp.MustCompile(`^T\d{4}(\.\d{3})?$`).MatchString(id) {
				t.Errorf("%s: %s", c.Name, id)
			}
		}
	}
}

// TestAllocs bounds what the judgement of one hit allocates.
func TestAllocs(t *testing.T) {
	policy := judge.DefaultPolicy()
	ev := request("list", "secrets@kube-system", "allow")
	ev.Annotations.Reason, ev.UserAgent = rogue, "kubectl/v1.36.3 (linux/amd64) kubernetes/abc1234"
	if n := testing.AllocsPerRun(100, func() { policy.Judge(&ev) }); n > 40 {
		t.Errorf("%v allocations", n)
	}
}
