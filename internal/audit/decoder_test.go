package audit_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// plain is an event as a kube-apiserver writes it.
const plain = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a-1","stage":"ResponseComplete",` +
	`"requestURI":"/api/v1/pods?limit=500","verb":"list","user":{"username":"system:anonymous","groups":["system:unauthenticated"]},` +
	`"sourceIPs":["10.0.0.5","203.0.113.7"],"userAgent":"kubectl/v1.36","objectRef":{"resource":"pods","namespace":"web","name":"n","apiGroup":"g","apiVersion":"v1","subresource":"log"},` +
	`"responseStatus":{"metadata":{},"status":"Failure","message":"pods is forbidden: User \"system:anonymous\"","reason":"Forbidden","details":{"kind":"pods"},"code":403},` +
	`"requestObject":{"user":{"username":"x"}},"requestReceivedTimestamp":"2026-11-23T09:28:47.400470Z","stageTimestamp":"2026-11-23T09:28:47.400520Z",` +
	`"annotations":{"authorization.k8s.io/decision":"forbid","authorization.k8s.io/reason":"none"}}`

func TestDecodeWhole(t *testing.T) {
	want := audit.Event{
		Level: "Metadata", AuditID: "a-1", Stage: "ResponseComplete", RequestURI: "/api/v1/pods?limit=500", Verb: "list",
		User:                     audit.User{Username: "system:anonymous", Groups: []string{"system:unauthenticated"}},
		SourceIPs:                []string{"10.0.0.5", "203.0.113.7"},
		UserAgent:                "kubectl/v1.36",
		ObjectRef:                audit.ObjectRef{Resource: "pods", Namespace: "web", Name: "n", APIGroup: "g", APIVersion: "v1", Subresource: "log"},
		ResponseStatus:           audit.ResponseStatus{Code: "403", Status: "Failure", Message: `pods is forbidden: User "system:anonymous"`, Reason: "Forbidden"},
		RequestObject:            []byte(`{"user":{"username":"x"}}`), // kept, for the user is anonymous
		RequestReceivedTimestamp: "2026-11-23T09:28:47.400470Z", StageTimestamp: "2026-11-23T09:28:47.400520Z",
		Annotations: audit.Annotations{Decision: "forbid", Reason: "none"},
	}
	var d audit.Decoder
	for range 2 { // the second time over a used decoder
		got, err := d.Decode([]byte(plain))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

// TestDecodeIdentity is the policy for texts that somebody tampered with.
func TestDecodeIdentity(t *testing.T) {
	const head = `{"apiVersion":"audit.k8s.io/v1","kind":"Event",`
	for _, tc := range []struct {
		name, text        string
		user              audit.User
		partial, tampered bool
	}{
		{name: "key twice, anonymous last", text: head + `"user":{"username":"admin"},"user":{"username":"system:anonymous"}}`, user: audit.User{Username: audit.Anonymous}, tampered: true},
		{name: "key twice, anonymous first", text: head + `"user":{"username":"system:anonymous"},"user":{"username":"admin"}}`, user: audit.User{Username: audit.Anonymous}, tampered: true},
		{name: "name twice", text: head + `"user":{"username":"system:anonymous","username":"admin"}}`, user: audit.User{Username: audit.Anonymous}, tampered: true},
		{name: "groups twice", text: head + `"user":{"groups":["system:unauthenticated"],"groups":["a"]}}`, user: audit.User{Groups: []string{"system:unauthenticated", "a"}}, tampered: true},
		{name: "key case", text: head + `"USER":{"userName":"system:anonymous"}}`, user: audit.User{Username: audit.Anonymous}, tampered: true},
		{name: "all keys in lower case, as Athena writes them", text: `{"kind":"Event","apiversion":"audit.k8s.io/v1","auditid":"a","requesturi":"/x","user":{"username":"system:anonymous","groups":["system:unauthenticated"]},"sourceips":["192.0.2.1"],"objectref":{"apigroup":"apps"}}`, user: audit.User{Username: audit.Anonymous, Groups: []string{audit.Unauthenticated}}},
		{name: "a key in lower case beside itself", text: head + `"user":{"username":"system:anonymous"},"requestURI":"/x","requesturi":"/y"}`, user: audit.User{Username: audit.Anonymous}, tampered: true},
		{name: "key with a long s", text: head + `"uſer":{"username":"system:anonymous"}}`, user: audit.User{Username: audit.Anonymous}, tampered: true},
		{name: "escaped key and name", text: head + `"\u0075ser":{"user\u006eame":"\u0073ystem\u003aanonymous"}}`, user: audit.User{Username: audit.Anonymous}},
		{name: "name in another case", text: head + `"user":{"username":"SYSTEM:ANONYMOUS"}}`, user: audit.User{Username: "SYSTEM:ANONYMOUS"}},
		{name: "empty key before", text: head + `"":{},"user":{"username":"system:anonymous"}}`, user: audit.User{Username: audit.Anonymous}},
		{name: "groups as a bare string", text: head + `"user":{"groups":"system:unauthenticated"}}`, user: audit.User{Groups: []string{"system:unauthenticated"}}},
		{name: "null user", text: head + `"user":null}`},
		{name: "user is a list", text: head + `"user":["system:anonymous"]}`, user: audit.User{Username: audit.Anonymous}},
		{name: "groups hold no strings", text: head + `"user":{"groups":[1,null,"a"]}}`, user: audit.User{Groups: []string{"a"}}},
		{name: "user in the request object", text: head + `"requestObject":{"user":{"username":"system:anonymous"}},"user":{"username":"a"}}`, user: audit.User{Username: "a"}},
		{name: "cut after the user", text: head + `"user":{"username":"system:anonymous"},"sourceIPs":["1.2`, user: audit.User{Username: audit.Anonymous}, partial: true},
		{name: "cut in the groups, but named", text: head + `"user":{"username":"system:anonymous","groups":["sys`, user: audit.User{Username: audit.Anonymous}, partial: true},
		{name: "broken after the user", text: head + `"user":{"username":"system:anonymous"},"verb":[Truncated...]}`, user: audit.User{Username: audit.Anonymous}, partial: true},
		{name: "text behind", text: head + `"user":{"username":"system:anonymous"}} {`, user: audit.User{Username: audit.Anonymous}, partial: true},
		{name: "no apiVersion, but all an event has", text: `{"auditID":"1","stage":"Panic","user":{"username":"system:anonymous"}}`, user: audit.User{Username: audit.Anonymous}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var d audit.Decoder
			got, err := d.Decode([]byte(tc.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.user, got.User); diff != "" {
				t.Errorf("user (-want +got)\n%s", diff)
			}
			if got.Partial != tc.partial || got.Tampered != tc.tampered {
				t.Errorf("partial %v, tampered %v; want %v, %v", got.Partial, got.Tampered, tc.partial, tc.tampered)
			}
		})
	}
}

func TestDecodeErrors(t *testing.T) {
	const head = `{"apiVersion":"audit.k8s.io/v1",`
	for _, tc := range []struct {
		name, text string
		want       error
	}{
		{"empty", ``, audit.ErrNotEvent},
		{"number", `1`, audit.ErrNotEvent},
		{"array", `[]`, audit.ErrNotEvent},
		{"text", `I1120 user="system:anonymous"`, audit.ErrNotEvent},
		{"other object", `{"a":1}`, audit.ErrNotEvent},
		{"core event", `{"kind":"Event","apiVersion":"v1","auditID":"1","stage":"x","user":{"username":"system:anonymous"}}`, audit.ErrNotEvent},
		{"event list", `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[]}`, audit.ErrNotEvent},
		{"cut in the URI", head + `"requestURI":"/api/v1/pods?x=AAAA`, audit.ErrCut},
		{"cut in the name", head + `"user":{"username":"system:anony`, audit.ErrCut},
		{"cut in the groups", head + `"user":{"username":"alice","groups":["a"`, audit.ErrCut},
		{"broken before the user", head + `"verb":tru,"user":{"username":"system:anonymous"}}`, audit.ErrCut},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var d audit.Decoder
			if _, err := d.Decode([]byte(tc.text)); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

// TestDecodeDeep shows that nesting, which a request body may have as much of
// as it likes, neither overflows the stack nor hides the identity.
func TestDecodeDeep(t *testing.T) {
	for _, depth := range []int{1_500, 9_000, 1_000_000} {
		text := `{"apiVersion":"audit.k8s.io/v1","user":{"username":"system:anonymous"},"requestObject":` +
			strings.Repeat(`{"a":`, depth) + `1` + strings.Repeat(`}`, depth) + `}`
		var d audit.Decoder
		ev, err := d.Decode([]byte(text))
		if err != nil || ev.User.Username != audit.Anonymous {
			t.Errorf("depth %d: %v", depth, err)
		}
	}
}

func TestHTTPCode(t *testing.T) {
	for text, want := range map[string]int{"": 0, "200": 200, "403.0": 403, "4.03e2": 403, "-1": 0, "99": 0, "1e9": 0, "x": 0} {
		if got := (&audit.ResponseStatus{Code: text}).HTTPCode(); got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}
