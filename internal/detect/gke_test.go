package detect_test

import (
	"strings"
	"testing"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// TestNobodyNamed: a record of GKE that names nobody and was let in is found, also
// where no text in it says anonymous, and whatever keys a client writes into its
// own object; with a principal it is not.
func TestNobodyNamed(t *testing.T) {
	const record = `{"protoPayload":{"@type":"type.googleapis.com/google.cloud.audit.AuditLog","authenticationInfo":{WHO},"methodName":"io.k8s.core.v1.configmaps.create",` +
		`"request":{REQUEST},"resourceName":"core/v1/namespaces/web/configmaps/x","serviceName":"k8s.io","status":{STATUS}},"resource":{"labels":{"cluster_name":"c"}}}`
	for _, tc := range []struct {
		who, request, status string
		hit                  bool
	}{
		{"", "", "", true},
		{"", "", `"code":0`, true},
		{"", `"metadata":{"annotations":{"principalEmail":"a@example.com","authenticationInfo":"x"}}`, "", true},
		{"", `"authenticationInfo":{"principalEmail":"a@example.com"}`, "", true},
		{"", "", `"code":7`, false},
		{"", "", `"code":16`, false},
		{`"principalEmail":"a@example.com"`, "", "", false},
	} {
		text := strings.NewReplacer("WHO", tc.who, "REQUEST", tc.request, "STATUS", tc.status).Replace(record)
		for _, form := range []string{text, "[" + text + "]", `{"data":` + quoted(text) + `}`} {
			a := detect.New(judge.DefaultPolicy(), false)
			if a.CanSkip([]byte(form), false) {
				if tc.hit {
					t.Errorf("passed over: %s", form)
				}
				continue
			}
			hits := 0
			_, reason := a.Text([]byte(form), func(f *detect.Finding) {
				hits++
				if !strings.Contains(strings.Join(f.Verdict.Factors, " "), "gke_no_principal") {
					t.Errorf("the row does not say that nobody was named: %v", f.Verdict.Factors)
				}
			})
			if (hits == 1) != tc.hit || reason != detect.Decided {
				t.Errorf("%d hits, %q: %s", hits, reason, form)
			}
		}
	}
}

func quoted(text string) string { return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"` }
