package envelope

import "github.com/kubeanon/kubeanon/internal/audit"

// otel is a log record of the OpenTelemetry collector or of Splunk Connect for
// Kubernetes: the line is in body. The collector's own JSON files hold lists
// of them (OTLP: resourceLogs, scopeLogs, logRecords).
func otel(u *Unwrapper, o object, at place) bool {
	if o.is("resourceLogs", '[') {
		at = at.in(at.wrapper, "")
		records(u, o.get("resourceLogs"), at, "scopeLogs", "logRecords")
		return true
	}
	if !o.has("body") {
		return false
	}
	body := o.get("body")
	if value := membersOf(body).get("stringValue"); value != nil {
		body = value
	}
	cluster := ""
	for _, name := range []string{"resource", "attributes", "fields"} {
		if cluster == "" {
			cluster = o.object(name).string("k8s.cluster.name")
		}
	}
	u.wrap(body, cluster, at)
	return true
}

// records walks down lists in lists, and unwraps the elements of the last.
func records(u *Unwrapper, list []byte, at place, names ...string) {
	audit.Elements(list, func(element []byte) bool {
		if len(names) > 0 {
			records(u, membersOf(element).get(names[0]), at, names[1:]...)
		} else if o := membersOf(element); o.has("body") {
			otel(u, o, at.named(""))
		}
		return u.err != ErrLimit
	})
}
