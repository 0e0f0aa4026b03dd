package judge

import (
	"slices"
	"strconv"
)

// Severity is the band of a score.
type Severity string

// The bands. The original search's flat 25 is where medium begins.
const (
	Info     Severity = "info"     // 0 to 9
	Low      Severity = "low"      // 10 to 24
	Medium   Severity = "medium"   // 25 to 49
	High     Severity = "high"     // 50 to 79
	Critical Severity = "critical" // 80 to 100
)

// Severities lists the bands, the worst first.
func Severities() []Severity { return []Severity{Critical, High, Medium, Low, Info} }

func severityOf(score int) Severity {
	switch {
	case score >= 80:
		return Critical
	case score >= 50:
		return High
	case score >= 25:
		return Medium
	case score >= 10:
		return Low
	}
	return Info
}

// Category is one line of the table: what a request amounts to.
type Category struct {
	Name       string
	Impact     int      // 0 to 100, before modifiers
	Confidence int      // 0 to 100, before modifiers
	ATTACK     []string // technique IDs of MITRE ATT&CK
	Example    string   // a request of this category
	Why        string   // one sentence for an analyst
	benign     bool     // expected on a healthy cluster
	health     bool     // about health checks, which come from public addresses in many clouds
	noise      bool     // not aimed at Kubernetes
	when       func(*facts) bool
	message    func(f *facts, who, from string) string // nil for the sentence that all others share
}

// impersonation is the name of the category of those who act as somebody else.
const impersonation = "anon_impersonation"

// unknownOutcome is the name of the category of events without an answer.
const unknownOutcome = "anon_unknown_outcome"

// categories is ordered: the first that holds is the one. Allowed requests
// come from worst to most harmless, so that a request is never explained away
// by the milder of two readings.
var categories = []Category{
	{
		Name: "anon_impersonation_attempt", Impact: 60, Confidence: 70, ATTACK: []string{"T1078.001"},
		Example: "kubectl --as=admin get nodes, refused",
		Why:     "It asked to act as somebody else: that takes knowledge of Kubernetes and is never an accident.",
		when:    func(f *facts) bool { return !f.allowed() && refusedImpersonation(f.ev) },
		message: func(f *facts, who, from string) string {
			return who + " client " + from + " tried to impersonate: " + Clean(f.ev.ResponseStatus.Message)
		},
	},
	{
		Name: "anon_cluster_admin", Impact: 100, Confidence: 95, ATTACK: []string{"T1078.001", "T1098.006"},
		Example: "anything, through a binding to cluster-admin",
		Why:     "A binding gives cluster-admin to everybody who can reach the API server: for the whole cluster, or for one namespace if it is a RoleBinding.",
		when: func(f *facts) bool {
			return f.allowed() && !f.impersonates() && f.binding.RoleKind == "ClusterRole" && f.binding.Role == "cluster-admin"
		},
	},
	{
		Name: "anon_allowed_failed", Impact: 60, Confidence: 75, ATTACK: []string{"T1078.001"},
		Example: "create pods, allowed, then refused by admission",
		Why:     "The authorizer allowed a write, but it failed or was a dry run: nothing was changed, and the door is open.",
		when:    func(f *facts) bool { return f.allowed() && f.futile() },
	},
	{
		Name: "anon_code_execution", Impact: 100, Confidence: 90, ATTACK: []string{"T1609"},
		Example: "get /api/v1/namespaces/web/pods/p/exec",
		Why:     "It ran a command in a container, opened a tunnel to one or talked to a service or kubelet through the API server.",
		when:    func(f *facts) bool { return f.allowed() && f.runs() },
	},
	{
		Name: "anon_credential_access", Impact: 95, Confidence: 90, ATTACK: []string{"T1552.007"},
		Example: "list secrets",
		Why:     "It reached secrets, tokens or certificate requests.",
		when:    func(f *facts) bool { return f.allowed() && (f.sub(tokens) || f.is(credentials)) },
	},
	{
		Name: "anon_rbac_change", Impact: 100, Confidence: 95, ATTACK: []string{"T1098.006"},
		Example: "create clusterrolebindings",
		Why:     "It changed who may do what.",
		when:    func(f *facts) bool { return f.allowed() && f.is(rbac) && f.write() },
	},
	{
		Name: "anon_control_plane_change", Impact: 95, Confidence: 90, ATTACK: []string{"T1098"},
		Example: "create mutatingwebhookconfigurations",
		Why:     "It changed webhooks, extension APIs or policies that see or shape every later request, or what the API server itself logs.",
		when: func(f *facts) bool {
			return f.allowed() && (f.is(control) && f.write() || f.setsFlag())
		},
	},
	{
		Name: "anon_destructive", Impact: 90, Confidence: 90, ATTACK: []string{"T1485"},
		Example: "deletecollection pods",
		Why:     "It deleted objects.",
		when:    func(f *facts) bool { return f.allowed() && f.deletes() },
	},
	{
		Name: "anon_workload_change", Impact: 95, Confidence: 90, ATTACK: []string{"T1610"},
		Example: "create daemonsets",
		Why:     "It created or changed what runs in the cluster.",
		when:    func(f *facts) bool { return f.allowed() && f.is(workloads) && f.write() },
	},
	{
		Name: impersonation, Impact: 70, Confidence: 80, ATTACK: []string{"T1078.001", "T1098.006"},
		Example: "kubectl --as=admin get nodes, by a right to impersonate",
		Why:     "It acted as somebody else: a role with the verb impersonate is bound to everybody, so whoever reaches the API server can be anybody whom the role names.",
		when:    (*facts).impersonates,
	},
	{
		Name: "openshift_build_webhook", Impact: 40, Confidence: 50,
		Example: "create buildconfigs/webhooks by the binding system:webhooks",
		Why:     "It started a build by a webhook of OpenShift, which everybody may call who knows its secret.",
		when: func(f *facts) bool {
			return f.allowed() && f.binding.Name == openshiftWebhooks && f.binding.byDefault() && f.sub([]string{"buildconfigs/webhooks"})
		},
	},
	{
		Name: "anon_write", Impact: 80, Confidence: 85, ATTACK: []string{"T1078.001"},
		Example: "create services",
		Why:     "It wrote to the cluster.",
		when:    func(f *facts) bool { return f.allowed() && f.write() },
	},
	{
		Name: "bootstrap_cluster_info", Impact: 10, Confidence: 20, ATTACK: []string{"T1613"}, benign: true,
		Example: "get configmaps cluster-info in kube-public",
		Why:     "It read the config map that kubeadm publishes for joining nodes.",
		when: func(f *facts) bool {
			return f.allowed() && f.asksClusterInfo() && (f.ev.Annotations.Reason == "" || f.binding.clusterInfo())
		},
	},
	{
		Name: "anon_sensitive_read", Impact: 70, Confidence: 80, ATTACK: []string{"T1613"},
		Example: "list configmaps",
		Why:     "It read configuration, logs, memory, accounts, nodes, volumes or access rules.",
		when: func(f *facts) bool {
			return f.allowed() && (f.is(sensitive) || f.sub([]string{"pods/log"}) || f.resource == "" && f.atOrBelow(revealing))
		},
	},
	{
		Name: "anon_resource_read", Impact: 60, Confidence: 80, ATTACK: []string{"T1613"},
		Example: "list pods",
		Why:     "It read objects of the cluster.",
		when:    func(f *facts) bool { return f.allowed() && f.resource != "" && !f.review() },
	},
	{
		Name: "health_probe", Impact: 5, Confidence: 20, benign: true, health: true,
		Example: "get /livez",
		Why:     "It asked whether the API server is well, as load balancers do, and the default binding lets everybody.",
		when:    func(f *facts) bool { return f.allowed() && f.servedAt(healthPaths) && !f.exposed() },
		message: probeMessage,
	},
	{
		Name: "version_probe", Impact: 15, Confidence: 30, ATTACK: []string{"T1613"}, benign: true,
		Example: "get /version",
		Why:     "It asked for the version, and the default binding lets everybody.",
		when:    func(f *facts) bool { return f.allowed() && f.servedAt(versionPaths) && !f.exposed() },
		message: probeMessage,
	},
	{
		Name: "oidc_discovery", Impact: 15, Confidence: 30, benign: true,
		Example: "get /openid/v1/jwks",
		Why:     "It read the issuer's public keys or OAuth endpoints, which are often published on purpose.",
		when:    func(f *facts) bool { return f.allowed() && f.servedAt(oidcPaths) && f.published() },
	},
	{
		Name: "openshift_login", Impact: 10, Confidence: 20, benign: true,
		Example: "post /login of OpenShift's OAuth server",
		Why:     "It used a login page of OpenShift, which serves everybody: nobody has a name before the login.",
		when:    func(f *facts) bool { return f.allowed() && f.login() && !f.loginRefused() },
		message: loginMessage,
	},
	{
		Name: "openshift_login_failed", Impact: 40, Confidence: 40, ATTACK: []string{"T1110"},
		Example: "post /login of OpenShift's OAuth server with a wrong password",
		Why:     "A login to OpenShift was refused.",
		when:    func(f *facts) bool { return f.login() && f.loginRefused() },
		message: loginMessage,
	},
	{
		Name: "anon_api_discovery", Impact: 40, Confidence: 70, ATTACK: []string{"T1613"},
		Example: "get /apis",
		Why:     "It learned about the API, asked what it may do, or was let in by a binding that no cluster has by default.",
		when:    (*facts).allowed,
	},
	{
		Name: "anon_denied_sensitive", Impact: 50, Confidence: 50, ATTACK: []string{"T1190"},
		Example: "list secrets, refused",
		Why:     "It tried to write, or to reach secrets, access rules or a shell, and was refused.",
		when: func(f *facts) bool {
			return f.denied() && (f.sub(executes) || f.sub(tokens) || f.is(credentials) || f.is(rbac) || f.is(control) || f.write() || f.setsFlag())
		},
	},
	{
		Name: "denied_health_probe", Impact: 10, Confidence: 20, benign: true, health: true,
		Example: "head /livez, refused",
		Why:     "A health check that no default allows, such as HEAD or a single check, was refused: usually a load balancer.",
		when: func(f *facts) bool {
			return f.denied() && f.resource == "" && (f.at(healthPaths) || f.at(versionPaths) || f.healthPart())
		},
		message: probeMessage,
	},
	{
		Name: "anon_denied_discovery", Impact: 40, Confidence: 40, ATTACK: []string{"T1613"},
		Example: "list pods, refused",
		Why:     "It tried to look around and was refused.",
		when:    func(f *facts) bool { return f.denied() && (f.resource != "" || f.at(apiPaths) || f.under(apiPrefixes)) },
	},
	{
		Name: "web_scan_noise", Impact: 30, Confidence: 40, ATTACK: []string{"T1595.003"}, noise: true,
		Example: "get /.env, refused",
		Why:     "It tried a path that no API server has: the background noise of the internet.",
		when:    (*facts).denied,
		message: func(f *facts, _, from string) string {
			return "Web scan of the Kubernetes API from " + from + ": " + Clean(f.path)
		},
	},
	{
		Name: unknownOutcome, Impact: 50, Confidence: 50, ATTACK: []string{"T1190"},
		Example: "list pods at stage RequestReceived",
		Why:     "Whether it was let in is not known: the event has no decision and no telling response code.",
		when:    func(*facts) bool { return true },
	},
}

// factor is what a category puts into risk_factors.
func (c *Category) factor() string {
	return c.Name + " " + strconv.Itoa(c.Impact) + "x" + strconv.Itoa(c.Confidence)
}

// onDemand holds the categories of the classes that a user has to ask for.
var onDemand = map[Class]*Category{
	ImpersonatedAnonymous: {
		Name: string(ImpersonatedAnonymous), Impact: 20, Confidence: 40,
		Example: "kubectl --as=system:anonymous get pods",
		Why:     "Somebody known acted as anonymous: a test of permissions, or a proxy that maps its unknown users so.",
	},
	Rejected401: {
		Name: string(Rejected401), Impact: 30, Confidence: 40, ATTACK: []string{"T1110"},
		Example: "get /api with an expired token",
		Why:     "Credentials were refused, or there were none where anonymous access is off.",
	},
	EveryoneAuthenticated: {
		Name: string(EveryoneAuthenticated), Impact: 70, Confidence: 75, ATTACK: []string{"T1078.001"},
		Example: "list secrets by a binding to system:authenticated",
		Why:     "A binding that no cluster has by default lets in everybody with any account; on GKE that is every Google account.",
	},
}

// categoryOf finds the category of an event.
func categoryOf(f *facts) *Category {
	if f.class == AnonymousAccessGranted {
		return f.grant.category(f.outcome)
	}
	if c := onDemand[f.class]; c != nil {
		return c
	}
	for i := range categories {
		if categories[i].when(f) {
			return &categories[i]
		}
	}
	panic("BUG: the last category holds for every event")
}

// Categories lists the categories from the first that is looked at to the
// last, then those of the classes on demand.
func Categories() []Category {
	all := slices.Clone(categories)
	for _, class := range Optional() {
		if c := onDemand[class]; c != nil {
			all = append(all, *c)
		}
	}
	worst := grant{binding: Binding{Role: "cluster-admin"}}
	return append(all, *worst.category(Allowed))
}

// Score is the score of a category before modifiers.
func (c *Category) Score() int { return (c.Impact*c.Confidence + 50) / 100 }

// Severity is the band of Score.
func (c *Category) Severity() Severity { return severityOf(c.Score()) }
