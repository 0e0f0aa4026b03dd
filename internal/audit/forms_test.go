package audit_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// TestForms: shippers leave the members of an event in many forms, and all of
// them say the same.
func TestForms(t *testing.T) {
	const head = `{"apiVersion":"audit.k8s.io/v1","kind":"Event",`
	want := audit.Event{
		User:           audit.User{Username: audit.Anonymous, UID: "u", Groups: []string{audit.Unauthenticated, "b"}},
		SourceIPs:      []string{"10.0.0.5", "203.0.113.7"},
		ObjectRef:      audit.ObjectRef{Resource: "pods", Namespace: "web", Subresource: "log"},
		ResponseStatus: audit.ResponseStatus{Code: "403"},
		Annotations:    audit.Annotations{Decision: "forbid", Reason: "none"},
	}
	const (
		user        = `"user":{"username":"system:anonymous","uid":"u","groups":["system:unauthenticated","b"]}`
		ips         = `"sourceIPs":["10.0.0.5","203.0.113.7"]`
		ref         = `"objectRef":{"resource":"pods","namespace":"web","subresource":"log"}`
		status      = `"responseStatus":{"code":403}`
		annotations = `"annotations":{"authorization.k8s.io/decision":"forbid","authorization.k8s.io/reason":"none"}`
	)
	for _, tc := range []struct {
		form, instead, text string
	}{
		{"plain", "", ""},
		{"user as a JSON string", user, `"user":"{\"username\":\"system:anonymous\",\"uid\":\"u\",\"groups\":[\"system:unauthenticated\",\"b\"]}"`},
		{"user as a JSON string in a JSON string", user, `"user":"\"{\\\"username\\\":\\\"system:anonymous\\\",\\\"uid\\\":\\\"u\\\",\\\"groups\\\":[\\\"system:unauthenticated\\\",\\\"b\\\"]}\""`},
		{"user as a laid-out JSON string", user, `"user":"\n {\"username\": \"system:anonymous\", \"uid\":\"u\", \"groups\": [\"system:unauthenticated\",\"b\"]}\n"`},
		{"user as a list of one", user, `"user":[{"username":"system:anonymous","uid":"u","groups":["system:unauthenticated","b"]}]`},
		{"user in parts", user, `"user":[{"username":"system:anonymous"},{"uid":"u"},{"groups":["system:unauthenticated","b"]}]`},
		{"name as a list", user, `"user":{"username":["system:anonymous"],"uid":"u","groups":["system:unauthenticated","b"]}`},
		{"name as a JSON list", user, `"user":{"username":"[\"system:anonymous\"]","uid":"u","groups":"[\"system:unauthenticated\",\"b\"]"}`},
		{"groups as a JSON list", user, `"user":{"username":"system:anonymous","uid":"u","groups":"[\"system:unauthenticated\",\"b\"]"}`},
		{"dotted", user, `"user.username":"system:anonymous","user.uid":"u","user.groups":["system:unauthenticated","b"]`},
		{"dotted, with places", user, `"user.groups.0":"system:unauthenticated","user.groups.1":"b","user.username":"system:anonymous","user.uid":"u"`},
		{"as Splunk names fields", user, `"user.groups{}":["system:unauthenticated","b"],"user.username":"system:anonymous","user.uid":"u"`},
		{"with brackets", user, `"user.groups[0]":"system:unauthenticated","user.groups[1]":"b","user.username":"system:anonymous","user.uid":"u"`},
		{"underscored", user, `"user_username":"system:anonymous","user_uid":"u","user_groups":["system:unauthenticated","b"]`},
		{"underscored, with places", user, `"user_username":"system:anonymous","user_uid":"u","user_groups_0":"system:unauthenticated","user_groups_1":"b"`},
		{"usr", user, `"usr":{"id":"system:anonymous","uid":"u","groups":["system:unauthenticated","b"]}`},
		{"usr by name", user, `"usr":{"name":"system:anonymous","uid":"u","groups":["system:unauthenticated","b"]}`},
		{"usr dotted", user, `"usr.name":"system:anonymous","usr.uid":"u","usr.groups":["system:unauthenticated","b"]`},
		{"addresses as a JSON string", ips, `"sourceIPs":"[\"10.0.0.5\",\"203.0.113.7\"]"`},
		{"addresses with places", ips, `"sourceIPs.0":"10.0.0.5","sourceIPs.1":"203.0.113.7"`},
		{"addresses with underscores", ips, `"sourceIPs_0":"10.0.0.5","sourceIPs_1":"203.0.113.7"`},
		{"addresses with braces", ips, `"sourceIPs{}":["10.0.0.5","203.0.113.7"]`},
		{"addresses with brackets", ips, `"sourceIPs[0]":"10.0.0.5","sourceIPs[1]":"203.0.113.7"`},
		{"object as a JSON string", ref, `"objectRef":"{\"resource\":\"pods\",\"namespace\":\"web\",\"subresource\":\"log\"}"`},
		{"object dotted", ref, `"objectRef.resource":"pods","objectRef.namespace":"web","objectRef.subresource":"log"`},
		{"object underscored", ref, `"objectRef_resource":"pods","objectRef_namespace":"web","objectRef_subresource":"log"`},
		{"status as a JSON string", status, `"responseStatus":"{\"metadata\":{},\"code\":403}"`},
		{"status as a number", status, `"responseStatus":403`},
		{"status as digits", status, `"responseStatus":"403"`},
		{"status dotted", status, `"responseStatus.code":403`},
		{"status underscored", status, `"responseStatus_code":"403"`},
		{"annotations as a JSON string", annotations, `"annotations":"{\"authorization.k8s.io/decision\":\"forbid\",\"authorization.k8s.io/reason\":\"none\"}"`},
		{"annotations without dots", annotations, `"annotations":{"authorization_k8s_io/decision":"forbid","authorization_k8s_io/reason":"none"}`},
		{"annotations without slashes", annotations, `"annotations":{"authorization_k8s_io_decision":"forbid","authorization_k8s_io_reason":"none"}`},
		{"annotations dotted", annotations, `"annotations.authorization.k8s.io/decision":"forbid","annotations.authorization.k8s.io/reason":"none"`},
		{"annotations underscored", annotations, `"annotations_authorization_k8s_io_decision":"forbid","annotations_authorization_k8s_io_reason":"none"`},
	} {
		t.Run(tc.form, func(t *testing.T) {
			text := head + strings.Join([]string{user, ips, ref, status, annotations}, ",") + "}"
			if !strings.Contains(text, tc.instead) {
				t.Fatal("nothing to put it in the place of")
			}
			text = strings.Replace(text, tc.instead, tc.text, 1)
			if tc.instead == "" {
				text = strings.TrimPrefix(text, tc.text)
			}
			var d audit.Decoder
			got, err := d.Decode([]byte(text))
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			ev := *got
			ev.Extended = false
			if diff := cmp.Diff(want, ev); diff != "" {
				t.Errorf("(-want +got)\n%s\n%s", diff, text)
			}
		})
	}
}

// TestFormsOfIdentity: what names anonymous in any form is anonymous, what breaks
// off before it is cut, and no other user becomes anonymous.
func TestFormsOfIdentity(t *testing.T) {
	const head = `{"apiVersion":"audit.k8s.io/v1","kind":"Event",`
	for _, tc := range []struct {
		text string
		user audit.User
		err  error
	}{
		{text: `"user":"system:anonymous"}`, user: audit.User{Username: audit.Anonymous}},
		{text: `"user":"alice"}`, user: audit.User{Username: "alice"}},
		{text: `"user":["system:anonymous","system:unauthenticated"]}`, user: audit.User{Username: audit.Anonymous, Groups: []string{audit.Unauthenticated}}},
		{text: `"user":{"username":"alice","name":"system:anonymous"}}`, user: audit.User{Username: audit.Anonymous}},
		{text: `"user":{"id":"7","username":"alice"}}`, user: audit.User{Username: "alice"}},
		{text: `"user":{"username":"alice","id":"7"}}`, user: audit.User{Username: "alice"}},
		{text: `"user":{"username":"[x"}}`, user: audit.User{Username: "[x"}},
		{text: `"user":{"username":"[\"x"}}`, user: audit.User{Username: `["x`}},
		{text: `"user":{"username":"alice"},"user_agent":"system:anonymous","username":"system:anonymous"}`, user: audit.User{Username: "alice"}},
		{text: `"user":"{\"username\":\"system:anony"}`, err: audit.ErrCut},
		{text: `"user":"{\"username\":\"alice\",\"groups\":["}`, err: audit.ErrCut},
		{text: `"user":"{\"username\":\"system:anonymous\",\"gro"}`, user: audit.User{Username: audit.Anonymous}},
		{text: `"objectRef":"{\"resource\":","user":"alice"}`, user: audit.User{Username: "alice"}},
		{text: `"user":"` + strings.Repeat(`[`, 100) + `"}`, err: audit.ErrCut},
	} {
		var d audit.Decoder
		got, err := d.Decode([]byte(head + tc.text))
		if !errors.Is(err, tc.err) {
			t.Errorf("%s: %v", tc.text, err)
		} else if err == nil {
			if diff := cmp.Diff(tc.user, got.User); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", tc.text, diff)
			}
		}
	}
}
