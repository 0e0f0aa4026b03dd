package judge_test

import (
	"fmt"
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// A secret that a binding to the group of the unauthenticated gave away.
func ExamplePolicy_Judge() {
	ev := audit.Event{
		Verb: "list", User: audit.User{Username: audit.Anonymous, Groups: []string{audit.Unauthenticated}}, SourceIPs: []string{"203.0.113.7"},
		ObjectRef:   audit.ObjectRef{Resource: "secrets", Namespace: "web"},
		Annotations: audit.Annotations{Decision: "allow", Reason: `RBAC: allowed by ClusterRoleBinding "open" of ClusterRole "view" to Group "system:unauthenticated"`},
	}
	policy := judge.DefaultPolicy()
	v := policy.Judge(&ev)
	fmt.Println(v.Class, v.Outcome, v.Category.Name, v.Score, v.Severity)
	fmt.Println(strings.Join(v.Factors, ", "))
	fmt.Println(v.Remediation)
	// Output:
	// anonymous allowed anon_credential_access 90 critical
	// anon_credential_access 95x90, public_source confidence+5
	// kubectl delete clusterrolebinding 'open'
}
