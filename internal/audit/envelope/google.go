package envelope

import (
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// gke is an entry of Google Cloud Audit Logs for Kubernetes. It is no audit
// event of Kubernetes but says the same in other words, and carries no groups:
// the principal alone says who asked.
func gke(u *Unwrapper, o object, at place) bool {
	payload := o.object("protoPayload")
	if o.is("protopayload_auditlog", '{') { // BigQuery
		payload = o.object("protopayload_auditlog")
	}
	if payload.string("serviceName") != "k8s.io" && !strings.HasPrefix(payload.string("methodName"), "io.k8s.") {
		return false
	}
	request := payload.object("requestMetadata")
	ev := audit.Event{
		NameIsAll:                true,
		AuditID:                  o.object("operation").string("id"),
		UserAgent:                request.string("callerSuppliedUserAgent"),
		RequestReceivedTimestamp: o.string("timestamp"),
	}
	if ev.AuditID == "" {
		ev.AuditID = o.string("insertId")
	}
	if ip := request.string("callerIp"); ip != "" {
		ev.SourceIPs = []string{ip}
	}
	authentication := payload.object("authenticationInfo")
	ev.User.Username = authentication.string("principalEmail")
	if ev.User.Username == "" {
		ev.User.Username = authentication.string("authoritySelector")
	}
	ev.NoPrincipal = ev.User.Username == ""
	labels := o.object("labels")
	ev.Annotations.Decision = labels.string("authorization.k8s.io/decision")
	ev.Annotations.Reason = labels.string("authorization.k8s.io/reason")
	if ev.Annotations.Decision == "" && granted(payload.get("authorizationInfo")) {
		ev.Annotations.Decision = "allow"
	}
	status := payload.object("status")
	ev.ResponseStatus.Code = httpCodes[string(status.get("code"))]
	if code := string(status.get("code")); payload.is("status", '{') && ev.Annotations.Decision == "" && (code == "" || code == "0") {
		ev.ResponseStatus.Code = "200" // an empty google.rpc.Status is OK
	}
	ev.ResponseStatus.Message = status.string("message")
	gkeObject(&ev, payload.string("methodName"), payload.string("resourceName"))
	if u.Objects || ev.User.Username == audit.Anonymous {
		ev.RequestObject, ev.ResponseObject = payload.get("request"), payload.get("response")
	}
	u.emit(&ev, nil, at.in(at.wrapper))
	return true
}

// pubsub is a message of Google Cloud Pub/Sub, pulled (data beside
// publish_time) or pushed (data in message, in base64).
func pubsub(u *Unwrapper, o object, at place) bool {
	if m := o.object("message"); m.has("data") {
		o = m
	}
	if !o.has("data") {
		return false
	}
	u.wrap(o.get("data"), at)
	return true
}

// googleCluster is the cluster of an entry of Cloud Logging: of protoPayload
// (GKE) as well as of jsonPayload and textPayload (a cluster that somebody runs
// on Compute Engine).
func googleCluster(o object) string {
	return o.object("resource").object("labels").string("cluster_name")
}

// httpCodes translates codes of gRPC (google/rpc/code.proto) to those that an
// API server answers with. There is no code for success.
var httpCodes = map[string]string{
	"3": "400", "5": "404", "6": "409", "7": "403", "8": "429", "9": "400", "10": "409", "12": "501", "13": "500", "14": "503", "16": "401",
}

// granted reports whether any permission was granted; one that was not has no
// such key.
func granted(list []byte) (yes bool) {
	audit.Elements(list, func(element []byte) bool {
		yes = string(membersOf(element).get("granted")) == "true"
		return !yes
	})
	return yes
}

// gkeObject reads verb, object and path.
//
// A method is io.k8s.<group>.<version>.<resource>[.<sub>].<verb>, a resource
// name <group>/<version>[/namespaces/<namespace>]/<resource>[/<name>[/<sub>]];
// the group "core" is the unnamed one. For other requests the method is
// io.k8s.<verb>, and the resource name the path without its slash.
func gkeObject(ev *audit.Event, method, name string) {
	words := strings.Split(strings.TrimPrefix(method, "io.k8s."), ".")
	ev.Verb = words[len(words)-1]
	if len(words) < 3 {
		ev.RequestURI = "/" + strings.TrimPrefix(name, "/")
		return
	}
	p := path(name)
	ref := &ev.ObjectRef
	if p[0] != "core" {
		ref.APIGroup = p[0]
		ev.RequestURI = "/apis/" + strings.Join(p, "/")
	} else {
		ev.RequestURI = "/api/" + strings.Join(p[1:], "/")
	}
	if len(p) > 1 {
		ref.APIVersion = p[1]
		p = p[2:]
	}
	if len(p) > 2 && p[0] == "namespaces" {
		ref.Namespace = p[1]
		p = p[2:]
	} else if len(p) == 2 && p[0] == "namespaces" {
		ref.Namespace = p[1]
	}
	for i, field := range []*string{&ref.Resource, &ref.Name, &ref.Subresource} {
		if i < len(p) {
			*field = p[i]
		}
	}
	if ref.Resource == "" && len(words) > 3 {
		ref.Resource = words[len(words)-2]
	}
}
