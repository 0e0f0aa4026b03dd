package judge_test

import (
	"strings"
	"testing"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/judge"
)

const everything = `RBAC: allowed by ClusterRoleBinding "debug" of ClusterRole "everything" to User "system:anonymous"`

// TestImpersonation: who acts as somebody else came in by a right to impersonate;
// the binding of the one whom it acts as is innocent.
func TestImpersonation(t *testing.T) {
	const victim = `RBAC: allowed by RoleBinding "carl-view/web" of ClusterRole "view" to User "carl"`
	const admin = `RBAC: allowed by ClusterRoleBinding "dora-admin" of ClusterRole "cluster-admin" to User "dora"`
	known := strings.ReplaceAll(publicInfo, "unauthenticated", "authenticated")
	for _, tc := range []struct {
		name, verb, what, decision, reason string
		as                                 audit.User
		category                           string
		least                              judge.Severity
		message                            string
	}{
		{"a user", "list", "pods@web", "allow", victim, audit.User{Username: "carl", Groups: []string{"system:authenticated"}}, "anon_impersonation", judge.High, "as carl"},
		{"API discovery", "get", "/api", "allow", strings.ReplaceAll(known, "public-info-viewer", "discovery"), audit.User{Username: "carl"}, "anon_impersonation", judge.High, "as carl"},
		{"a health check", "get", "/livez", "allow", known, audit.User{Username: "carl"}, "anon_impersonation", judge.High, "as carl"},
		{"by UID alone", "get", "/livez", "allow", "", audit.User{UID: "7"}, "anon_impersonation", judge.High, "as UID 7"},
		{"an administrator by role", "list", "pods@web", "allow", admin, audit.User{Username: "dora"}, "anon_impersonation", judge.Critical, "as dora"},
		{"an administrator by group", "list", "pods@web", "allow", "", audit.User{Username: "x", Groups: []string{"system:masters"}}, "anon_impersonation", judge.Critical, "as x"},
		{"secrets as a user", "list", "secrets@web", "allow", victim, audit.User{Username: "carl"}, "anon_credential_access", judge.Critical, "as carl"},
		{"refused as that user", "list", "pods@kube-system", "forbid", "", audit.User{Username: "carl"}, "anon_impersonation", judge.Medium, "as carl"},
		{"refused, no path of an API server", "get", "/.env", "forbid", "", audit.User{Username: "carl"}, "anon_impersonation", judge.Medium, "as carl"},
		{"refused, a health check", "head", "/livez", "forbid", "", audit.User{Username: "carl"}, "anon_impersonation", judge.Medium, "as carl"},
	} {
		for _, address := range []string{"10.0.0.1", "203.0.113.7"} {
			ev := request(tc.verb, tc.what, tc.decision)
			ev.SourceIPs, ev.Annotations.Reason, ev.ImpersonatedUser = []string{address}, tc.reason, tc.as
			policy := judge.DefaultPolicy()
			v := policy.Judge(&ev)
			if v.Category.Name != tc.category || rank(v.Severity) < rank(tc.least) {
				t.Errorf("%s: %s %s %d, want %s, at least %s", tc.name, v.Category.Name, v.Severity, v.Score, tc.category, tc.least)
			}
			if v.Binding != (judge.Binding{}) || !strings.Contains(v.Message, tc.message) || strings.Contains(v.Message, "dora-admin") || strings.Contains(v.Remediation, "'dora-admin'") || strings.Contains(v.Remediation, "'carl-view'") {
				t.Errorf("%s: binding %+v, message %q, remediation %q", tc.name, v.Binding, v.Message, v.Remediation)
			}
			if v.ActedAs != tc.as.Username && tc.as.Username != "" {
				t.Errorf("%s: acted as %q", tc.name, v.ActedAs)
			}
		}
	}
}

// TestImpersonationOfNobody: who acts as anonymous gained nothing; what let it in
// is the binding.
func TestImpersonationOfNobody(t *testing.T) {
	for _, as := range []audit.User{
		{Username: audit.Anonymous, Groups: []string{audit.Unauthenticated}}, {Groups: []string{audit.Unauthenticated}},
		{Username: "x", Groups: []string{audit.Unauthenticated}}, // let in by the binding to anonymous
	} {
		ev := request("list", "secrets@web", "allow")
		ev.Annotations.Reason, ev.ImpersonatedUser = clusterAdmin, as
		policy := judge.DefaultPolicy()
		if v := policy.Judge(&ev); v.Category.Name != "anon_cluster_admin" || v.Binding.Name != "anon-admin" || v.ActedAs != "" {
			t.Errorf("%+v: %s, binding %q, acted as %q", as, v.Category.Name, v.Binding.Name, v.ActedAs)
		}
	}
}

func rank(s judge.Severity) int {
	for i, one := range judge.Severities() {
		if one == s {
			return -i
		}
	}
	return -100
}

// TestImpersonationWords: only the words of the server count, wherever a client's
// text is quoted.
func TestImpersonationWords(t *testing.T) {
	for message, want := range map[string]bool{
		`users "admin" is forbidden: User "system:anonymous" cannot impersonate resource "users" in API group "" at the cluster scope`:                                 true,
		`groups.authentication.k8s.io "system:masters" is forbidden: User "x" cannot impersonate resource "groups" in API group "" at the cluster scope`:               true,
		`secrets is forbidden: User "system:anonymous" cannot impersonate-on:user-info:list resource "secrets" in API group "" in the namespace "payments"`:            true,
		`requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"system:masters"}, Extra:map[string][]string(nil)} without impersonating a user name`:            true,
		`requested &user.DefaultInfo{Name:"", UID:"7", Groups:[]string(nil), Extra:map[string][]string(nil)} without impersonating a user name`:                        true,
		`requested [{Group  system:masters  authentication.k8s.io/v1  }] without impersonating a user`:                                                                 true,
		`configmaps "cannot impersonate" is forbidden: User "system:anonymous" cannot get resource "configmaps" in API group "" in the namespace "billing"`:            false,
		`configmaps "x\" is forbidden: User \"y\" cannot impersonate resource" is forbidden: User "system:anonymous" cannot get resource "configmaps" in API group ""`: false,
		`forbidden: User "system:anonymous" cannot get path "/cannot impersonate"`:                                                                                     false,
		`forbidden: User "system:anonymous" cannot get path "/users \"a\" is forbidden: User \"b\" cannot impersonate resource"`:                                       false,
		`pods "a" is forbidden: User "cannot impersonate" cannot list resource "pods"`:                                                                                 false,
		`admission webhook "x" denied the request: users "a" is forbidden: User "b" cannot impersonate resource`:                                                       false,
		`users "a" is forbidden: User "b" cannot impersonated`:                                                                                                         false,
		`users "a`: false,
		``:         false,
	} {
		ev := request("list", "configmaps@web", "")
		ev.ResponseStatus.Code, ev.ResponseStatus.Message = "403", message
		if strings.HasPrefix(message, "requested") {
			ev.ResponseStatus.Code = "400"
		}
		policy := judge.DefaultPolicy()
		v := policy.Judge(&ev)
		if got := v.Category.Name == "anon_impersonation_attempt"; got != want {
			t.Errorf("%s: %s", message, v.Category.Name)
		}
		if v.Outcome != judge.Denied {
			t.Errorf("%s: outcome %s", message, v.Outcome)
		}
	}
}

// TestEffect: what was allowed and failed, or was a dry run, changed nothing.
func TestEffect(t *testing.T) {
	for _, tc := range []struct {
		verb, what, query, code string
		effect                  judge.Effect
		category                string
	}{
		{"create", "pods@web", "", "201", judge.Done, "anon_workload_change"},
		{"create", "pods@web", "", "", "", "anon_workload_change"},
		{"create", "pods@web", "", "403", judge.Failed, "anon_allowed_failed"},
		{"create", "pods@web", "", "422", judge.Failed, "anon_allowed_failed"},
		{"patch", "clusterrolebindings", "", "409", judge.Failed, "anon_allowed_failed"},
		{"delete", "nodes", "", "404", judge.Failed, "anon_allowed_failed"},
		{"create", "secrets@web", "", "500", judge.Failed, "anon_allowed_failed"},
		{"update", "validatingwebhookconfigurations", "", "429", judge.Failed, "anon_allowed_failed"},
		{"", "pods@web", "", "405", judge.Failed, "anon_allowed_failed"},
		{"create", "pods@web", "dryRun=All", "201", judge.DryRun, "anon_allowed_failed"},
		{"patch", "roles@web", "fieldManager=x&dryRun=All", "200", judge.DryRun, "anon_allowed_failed"},
		{"deletecollection", "pods@web", "dry%52un=%41ll", "200", judge.DryRun, "anon_allowed_failed"},
		// What the server does not take for a dry run.
		{"create", "pods@web", "dryrun=All", "201", judge.Done, "anon_workload_change"},
		{"create", "pods@web", "x=dryRun=All", "201", judge.Done, "anon_workload_change"},
		{"create", "pods@web", "dryRun=", "201", judge.Done, "anon_workload_change"},
		{"create", "pods@web", "dryRun=All&dryRun=", "201", judge.Done, "anon_workload_change"},
		// What knows no dry run.
		{"get", "secrets@web", "dryRun=All", "200", judge.Done, "anon_credential_access"},
		{"create", "pods/exec@web", "dryRun=All", "101", judge.Done, "anon_code_execution"},
		{"create", "services/proxy@web", "dryRun=All", "200", judge.Done, "anon_code_execution"},
		{"create", "serviceaccounts/token@web", "dryRun=All", "201", judge.Done, "anon_credential_access"},
		{"create", "pods/exec@web", "", "400", judge.Failed, "anon_code_execution"},
		{"get", "secrets@web", "", "404", judge.Failed, "anon_credential_access"},
	} {
		ev := request(tc.verb, tc.what, "allow")
		ev.RequestURI, ev.ResponseStatus.Code, ev.Annotations.Reason = "/apis/x?"+tc.query, tc.code, everything
		policy := judge.DefaultPolicy()
		v := policy.Judge(&ev)
		if v.Effect != tc.effect || v.Category.Name != tc.category {
			t.Errorf("%s %s ?%s %s: effect %q, %s; want %q, %s", tc.verb, tc.what, tc.query, tc.code, v.Effect, v.Category.Name, tc.effect, tc.category)
		}
		if v.Category.Name == "anon_allowed_failed" && (v.Severity != judge.Medium || strings.Contains(v.Message+v.Category.Why, "created") || !strings.Contains(v.Message, "ALLOWED")) {
			t.Errorf("%s %s: %s, %q", tc.verb, tc.what, v.Severity, v.Message)
		}
	}
	for _, decision := range []string{"forbid", ""} {
		ev := request("create", "pods@web", decision)
		ev.RequestURI = "/api/v1/pods?dryRun=All"
		policy := judge.DefaultPolicy()
		if v := policy.Judge(&ev); v.Effect != "" || v.Category.Name == "anon_allowed_failed" {
			t.Errorf("decision %q: effect %q, %s", decision, v.Effect, v.Category.Name)
		}
	}
}

// TestOpenShift: the OAuth server serves everybody, and says itself what came of a
// login; the default bindings are those of the platform.
func TestOpenShift(t *testing.T) {
	const own = `RBAC: allowed by ClusterRoleBinding "system:openshift:public-info-viewer" of ClusterRole "system:openshift:public-info-viewer" to Group "system:unauthenticated"`
	for _, tc := range []struct {
		verb, path, reason, login, user string
		category                        string
		severity                        judge.Severity
	}{
		{"post", "/login/developer", "", "allow", "user1", "openshift_login", judge.Info},
		{"post", "/login", "", "deny", "user1", "openshift_login_failed", judge.Low},
		{"get", "/oauth/authorize?client_id=x", "", "error", "", "openshift_login_failed", judge.Low},
		{"get", "/oauth/token/request", "", "", "", "openshift_login", judge.Info},
		{"get", "/logout", "", "", "", "openshift_login", judge.Info},
		{"get", "/login", everything, "", "", "anon_api_discovery", judge.Medium}, // not the OAuth server
		{"get", "/loginx", "", "", "", "anon_api_discovery", judge.Medium},
		{"get", "/readyz", own, "", "", "health_probe", judge.Info},
		{"get", "/.well-known/oauth-authorization-server", own, "", "", "oidc_discovery", judge.Info},
	} {
		ev := request(tc.verb, tc.path, "allow")
		ev.Annotations.Reason, ev.Annotations.LoginDecision, ev.Annotations.LoginUser = tc.reason, tc.login, tc.user
		policy := judge.DefaultPolicy()
		v := policy.Judge(&ev)
		if v.Category.Name != tc.category || v.Severity != tc.severity {
			t.Errorf("%s %s: %s %s", tc.path, tc.login, v.Category.Name, v.Severity)
		}
		if tc.user != "" && !strings.Contains(v.Message, tc.user) {
			t.Errorf("%s: %q does not name %s", tc.path, v.Message, tc.user)
		}
		if tc.severity == judge.Info && v.Remediation != "" {
			t.Errorf("%s: %q", tc.path, v.Remediation)
		}
	}
}

// TestHarmless: without an answer, and refused before the authorizer, only what
// everybody may ask is harmless; no user agent makes a probe of a path suspicious
// that probes look at.
func TestHarmless(t *testing.T) {
	for path, want := range map[string]judge.Severity{
		"/livez": judge.Info, "/livez?verbose": judge.Info, "/%72eadyz": judge.Info, "/healthz/etcd": judge.Info, "/version": judge.Info,
		"/api": judge.Medium, "/livez/../metrics": judge.Medium, "/": judge.Medium,
	} {
		for _, code := range []string{"", "429"} {
			for _, agent := range []string{"kube-probe/1.36", "GoogleHC/1.0", "ELB-HealthChecker/2.0", "x"} {
				for _, address := range []string{"203.0.113.7", "10.0.0.4"} {
					ev := request("get", path, "")
					ev.ResponseStatus.Code, ev.UserAgent, ev.SourceIPs = code, agent, []string{address}
					policy := judge.DefaultPolicy()
					v := policy.Judge(&ev)
					if (want == judge.Info) != (v.Severity == judge.Info) {
						t.Errorf("%s %s by %s from %s: %s %d", path, code, agent, address, v.Severity, v.Score)
					}
					if want == judge.Info && strings.Contains(strings.Join(v.Factors, " "), "probe_user_agent_elsewhere") {
						t.Errorf("%s: %v", path, v.Factors)
					}
				}
			}
		}
	}
	ev := request("get", "/livez", "allow")
	ev.Annotations.Reason, ev.UserAgent = everything, "kube-probe/1.36"
	policy := judge.DefaultPolicy()
	if v := policy.Judge(&ev); v.Binding.Name != "debug" || len(v.Factors) != 1 {
		t.Errorf("a probe through an open binding: %+v %v", v.Binding, v.Factors)
	}
}

// TestNobodyNamed: GKE leaves the principal out.
func TestNobodyNamed(t *testing.T) {
	for _, tc := range []struct {
		decision, code string
		class          judge.Class
	}{{"allow", "", judge.Anonymous}, {"", "200", judge.Anonymous}, {"forbid", "", judge.Rejected401}, {"", "403", judge.Rejected401}, {"", "401", judge.Rejected401}, {"", "", judge.Rejected401}} {
		ev := audit.Event{NoPrincipal: true, NameIsAll: true, Verb: "list", ObjectRef: audit.ObjectRef{Resource: "secrets"}}
		ev.Annotations.Decision, ev.ResponseStatus.Code = tc.decision, tc.code
		policy := judge.DefaultPolicy()
		v := policy.Judge(&ev)
		if v.Class != tc.class {
			t.Errorf("decision %q, code %q: %s, want %s", tc.decision, tc.code, v.Class, tc.class)
		}
		if v.Hit && !strings.Contains(strings.Join(v.Factors, " "), "gke_no_principal") {
			t.Errorf("the row does not say that nobody was named: %v", v.Factors)
		}
	}
}

// TestEveryoneAuthenticated: on demand, and not for what every cluster has.
func TestEveryoneAuthenticated(t *testing.T) {
	reason := func(binding, role, group string) string {
		return `RBAC: allowed by ClusterRoleBinding "` + binding + `" of ClusterRole "` + role + `" to Group "` + group + `"`
	}
	for _, tc := range []struct {
		user, decision, reason string
		want                   judge.Class
	}{
		{"stranger@example.com", "allow", reason("all", "view", "system:authenticated"), judge.EveryoneAuthenticated},
		{"alice", "allow", reason("system:basic-user", "system:basic-user", "system:authenticated"), judge.Authenticated},
		{"alice", "allow", reason("system:discovery", "view", "system:authenticated"), judge.EveryoneAuthenticated},
		{"alice", "allow", reason("devs", "view", "devs"), judge.Authenticated},
		{"alice", "forbid", reason("all", "view", "system:authenticated"), judge.Authenticated},
		{"system:unsecured", "allow", "", judge.EveryoneAuthenticated},
		{"", "allow", reason("all", "view", "system:authenticated"), judge.Unknown},
	} {
		ev := request("list", "secrets@web", tc.decision)
		ev.User, ev.Annotations.Reason = audit.User{Username: tc.user}, tc.reason
		policy := judge.DefaultPolicy()
		if v := policy.Judge(&ev); v.Class != tc.want || v.Hit {
			t.Errorf("%s %s: %s, hit %v", tc.user, tc.reason, v.Class, v.Hit)
		}
	}
}

// TestSpecialNetworks: addresses that nobody on the internet has.
func TestSpecialNetworks(t *testing.T) {
	for address, private := range map[string]bool{
		"100.64.0.0": true, "100.127.255.255": true, "198.18.0.1": true, "198.19.255.255": true, "::ffff:100.64.1.2": true,
		"100.63.255.255": false, "100.128.0.0": false, "198.17.255.255": false, "198.20.0.0": false,
	} {
		ev := request("list", "secrets@web", "forbid")
		ev.SourceIPs = []string{"10.0.0.1", address}
		policy := judge.DefaultPolicy()
		if v := policy.Judge(&ev); v.XFFSuspect == private || (v.Severity == judge.Low) != private {
			t.Errorf("%s: %s %v, suspect %v", address, v.Severity, v.Factors, v.XFFSuspect)
		}
	}
}
