package appconf

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/kubeanon/kubeanon/internal/splunk/conf"
)

// TestTime: _time is the server's timestamp, whatever a client writes. Splunk
// looks for TIME_PREFIX, a regular expression, and reads the time behind its match
// (props.conf.spec). The key is planted wherever a client can write one.
func TestTime(t *testing.T) {
	text, err := os.ReadFile(root + "/default/props.conf")
	if err != nil {
		t.Fatal(err)
	}
	props, _ := conf.Parse(string(text))
	prefix, err := regexp.Compile("(?s)" + props["kube:audit"]["TIME_PREFIX"])
	if err != nil {
		t.Fatal(err)
	}
	const (
		own    = `"requestReceivedTimestamp":"2026-11-26T10:00:00.000000Z"`
		forged = `"requestReceivedTimestamp":"2001-01-01T00:00:00.000000Z"`
	)
	event := `{"kind":"Event","auditID":"AUDITID","requestURI":"/x?URI","verb":"create","user":{"username":"u","extra":{EXTRA}},"sourceIPs":["SOURCE"],"userAgent":"AGENT",` +
		`"objectRef":{"name":"NAME"},"responseStatus":{"message":"MESSAGE","code":201},"requestObject":{REQUEST},"responseObject":{RESPONSE},` + own +
		`,"stageTimestamp":"2026-11-26T10:00:01.000000Z","annotations":{"authorization.k8s.io/reason":"REASON"}}`
	escaped := strings.ReplaceAll(forged, `"`, `\"`)
	for _, place := range []string{"AUDITID", "URI", "EXTRA", "SOURCE", "AGENT", "NAME", "MESSAGE", "REQUEST", "RESPONSE", "REASON", "all"} {
		planted := event
		for _, name := range []string{"AUDITID", "URI", "EXTRA", "SOURCE", "AGENT", "NAME", "MESSAGE", "REQUEST", "RESPONSE", "REASON"} {
			text := ""
			if place == name || place == "all" {
				text = escaped
				if name == "EXTRA" || name == "REQUEST" || name == "RESPONSE" {
					text = forged
				}
			}
			planted = strings.Replace(planted, name, text, 1)
		}
		at := prefix.FindStringIndex(planted)
		if at == nil || !strings.HasPrefix(planted[at[1]:], "2026-11-26T10:00:00.000000Z") {
			t.Errorf("%s: the time is read from %.40q", place, planted[max(0, at[1]):])
		}
	}
}
