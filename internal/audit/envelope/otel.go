package envelope

import (
	"github.com/kubeanon/kubeanon/internal/audit"
)

// otel is a log record of the OpenTelemetry collector or of Splunk Connect for
// Kubernetes: the line is in body. The collector's own JSON files hold lists
// of them (OTLP: resourceLogs, scopeLogs, logRecords).
func otel(u *Unwrapper, o object, at place) bool {
	if o.is("resourceLogs", '[') {
		at = at.in(at.wrapper)
		audit.Elements(o.get("resourceLogs"), func(element []byte) bool {
			resource := membersOf(element)
			at := at.known(otelCluster(resource))
			records(u, resource.get("scopeLogs"), at)
			records(u, resource.get("instrumentationLibraryLogs"), at)
			return u.err != ErrLimit
		})
		u.try(o.get("resourceLogs"))
		return true
	}
	if !o.has("body") {
		return false
	}
	body := o.get("body")
	if value, ok := anyValue(body); ok {
		body = value
	}
	u.wrap(body, at)
	return true
}

// records unwraps the log records of one resource.
func records(u *Unwrapper, scopes []byte, at place) {
	audit.Elements(scopes, func(scope []byte) bool {
		o := membersOf(scope)
		list := o.get("logRecords")
		if list == nil {
			list = o.get("logs")
		}
		audit.Elements(list, func(element []byte) bool {
			record := membersOf(element)
			u.account(func() []byte {
				hashes, tried := len(u.hashes), len(u.tried)
				at := at.named("").known(otelCluster(record))
				otel(u, record, at)
				u.rest(record, u.tried[tried:], hashes, at)
				u.tried = u.tried[:tried]
				return element
			})
			return u.err != ErrLimit
		})
		return u.err != ErrLimit
	})
}

// anyValue reads an AnyValue of OTLP (opentelemetry-proto, common.proto) as the
// JSON that it stands for. It reports false for any other value.
func anyValue(value []byte) ([]byte, bool) {
	o := membersOf(value)
	if len(o.members) != 1 {
		return nil, false
	}
	inner := o.members[0].value
	switch o.members[0].name {
	case "stringValue", "boolValue", "doubleValue", "intValue", "bytesValue":
		return inner, true
	case "kvlistValue":
		return pairs(membersOf(inner).get("values"))
	case "arrayValue":
		list := []byte{'['}
		audit.Elements(membersOf(inner).get("values"), func(element []byte) bool {
			if plain, ok := anyValue(element); ok {
				element = plain
			}
			if len(list) > 1 {
				list = append(list, ',')
			}
			list = append(list, element...)
			return true
		})
		return append(list, ']'), true
	}
	return nil, false
}

// pairs makes an object of a list of names and values, as OTLP has it
// (key, value) and CloudWatch Logs Insights (field, value). It reports false for
// any other list.
func pairs(list []byte) (made []byte, ok bool) {
	made, ok = append(made, '{'), true
	audit.Elements(list, func(element []byte) bool {
		o := membersOf(element)
		name, value := o.get("key"), o.get("value")
		if name == nil {
			name = o.get("field")
		}
		if name == nil {
			name = o.get("name")
		}
		if ok = len(o.members) == 2 && value != nil && len(name) > 0 && name[0] == '"'; !ok {
			return false
		}
		if plain, isAny := anyValue(value); isAny {
			value = plain
		}
		if len(made) > 1 {
			made = append(made, ',')
		}
		made = append(append(append(made, name...), ':'), value...)
		return true
	})
	return append(made, '}'), ok && len(made) > 1
}

// otelCluster is the attribute k8s.cluster.name of a record or of its resource:
// in an object, or in a list of pairs.
func otelCluster(o object) string {
	resource := o.object("resource")
	for _, value := range [][]byte{resource.get("attributes"), o.get("resource"), o.get("attributes"), o.get("fields")} {
		if len(value) > 0 && value[0] == '[' {
			value, _ = pairs(value)
		}
		if name := membersOf(value).string("k8s.cluster.name"); name != "" {
			return name
		}
	}
	return ""
}
