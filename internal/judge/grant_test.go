package judge_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// TestGrants is the table of requests that write bindings.
func TestGrants(t *testing.T) {
	const (
		object   = `{"kind":"ClusterRoleBinding","metadata":{"name":"open"},"roleRef":{"kind":"ClusterRole","name":"cluster-admin"},"subjects":[{"kind":"User","name":"system:anonymous"},{"kind":"Group","name":"devs"}]}`
		response = `{"metadata":{"name":"open"},"roleRef":{"kind":"ClusterRole","name":"view"},"subjects":[{"kind":"Group","name":"system:unauthenticated"}]}`
	)
	type want struct {
		score         int
		subject, role string
	}
	for _, tc := range []struct {
		name, verb, resource, request, decision string
		want                                    want
	}{
		{"create", "create", "clusterrolebindings", object, "allow", want{81, "User system:anonymous", "cluster-admin"}},
		{"update, role from the response", "update", "clusterrolebindings", `{"subjects":[{"kind":"Group","name":"system:unauthenticated"}]}`, "allow", want{56, "Group system:unauthenticated", "view"}},
		{"everybody with an account", "create", "rolebindings", `{"roleRef":{"name":"edit"},"subjects":[{"kind":"Group","name":"system:authenticated"}]}`, "allow", want{81, "Group system:authenticated", "edit"}},
		{"merge patch", "patch", "rolebindings", `{"subjects":[{"kind":"User","name":"system:anonymous"},{"kind":"Group","name":"system:unauthenticated"}]}`, "allow", want{72, "User system:anonymous, Group system:unauthenticated", ""}},
		{"strategic patch", "patch", "rolebindings", `{"$setElementOrder/subjects":[],"subjects":[{"$patch":"delete","name":"x"},{"kind":"User","name":"system:anonymous"}]}`, "allow", want{72, "User system:anonymous", ""}},
		{"JSON patch, one", "patch", "clusterrolebindings", `[{"op":"add","path":"/subjects/-","value":{"kind":"Group","name":"system:unauthenticated"}}]`, "allow", want{56, "Group system:unauthenticated", "view"}},
		{"JSON patch, all", "patch", "clusterrolebindings", `[{"op":"test","path":"/x"},{"op":"replace","path":"/subjects","value":[{"kind":"User","name":"system:anonymous"}]}]`, "allow", want{72, "User system:anonymous", ""}},
		{"JSON patch, the name", "patch", "clusterrolebindings", `[{"op":"replace","path":"/subjects/0/name","value":"system:anonymous"}]`, "allow", want{72, "system:anonymous", ""}},
		{"JSON patch, everything", "patch", "clusterrolebindings", `[{"op":"replace","path":"","value":` + object + `}]`, "allow", want{81, "User system:anonymous", "cluster-admin"}},
		{"refused", "create", "clusterrolebindings", object, "forbid", want{25, "User system:anonymous", "cluster-admin"}},

		{"others", "create", "clusterrolebindings", `{"subjects":[{"kind":"User","name":"alice"}]}`, "allow", want{}},
		{"a service account of that name", "create", "rolebindings", `{"subjects":[{"kind":"ServiceAccount","name":"system:anonymous"}]}`, "allow", want{}},
		{"$patch in a subject, which the API server ignores", "patch", "rolebindings", `{"subjects":[{"$patch":"delete","kind":"Group","name":"system:unauthenticated"}]}`, "allow", want{56, "Group system:unauthenticated", "view"}},
		{"JSON patch that removes", "patch", "rolebindings", `[{"op":"remove","path":"/subjects/0"}]`, "allow", want{}},
		{"JSON patch of a label", "patch", "rolebindings", `[{"op":"add","path":"/metadata/labels/x","value":"system:anonymous"}]`, "allow", want{}},
		{"label only", "patch", "clusterrolebindings", `{"metadata":{"labels":{"a":"system:anonymous"}}}`, "allow", want{}},
		{"another resource", "create", "configmaps", object, "allow", want{}},
		{"read", "get", "clusterrolebindings", object, "allow", want{}},
		{"no object (level Metadata)", "create", "clusterrolebindings", ``, "allow", want{}},
		{"no JSON", "create", "clusterrolebindings", `{"subjects":`, "allow", want{}},
	} {
		ev := audit.Event{Verb: tc.verb, User: audit.User{Username: "admin"}, ObjectRef: audit.ObjectRef{Resource: tc.resource, Name: "open", Namespace: "web"}, RequestObject: []byte(tc.request), ResponseObject: []byte(response)}
		if tc.want.subject != "Group system:unauthenticated" || tc.want.role != "view" {
			ev.ResponseObject = nil // the response would be what is stored, and it holds everybody
		}
		ev.Annotations.Decision = tc.decision
		policy := judge.DefaultPolicy()
		if v := policy.Judge(&ev); v.Hit {
			t.Errorf("%s: a hit though it was not asked for", tc.name)
		}
		policy.Include = []judge.Class{judge.AnonymousAccessGranted}
		v := policy.Judge(&ev)
		got := want{v.Score, v.Binding.Subject, v.Binding.Role}
		if !v.Hit {
			got = want{}
		}
		if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(want{})); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tc.name, diff)
		}
		if tc.decision == "allow" && v.Hit && v.Remediation == "" {
			t.Errorf("%s: no remediation", tc.name)
		}
		// When anonymous itself grants, the class stays.
		ev.User = audit.User{Username: audit.Anonymous, Groups: []string{audit.Unauthenticated}}
		if v := policy.Judge(&ev); v.Class != judge.Anonymous {
			t.Errorf("%s by anonymous: %s", tc.name, v.Class)
		}
	}
}
