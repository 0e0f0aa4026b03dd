package judge

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// A grant is a binding written with subjects that stand for everybody: the
// precursor of anonymous access.
type grant struct {
	binding Binding // Role is empty if the request does not name it
}

// apiServer is the name under which the API server talks to itself.
const apiServer = "system:apiserver"

// everybody are subjects that anybody can be: in GKE any Google account is
// system:authenticated.
var everybody = []string{audit.Anonymous, audit.Unauthenticated, "system:authenticated"}

// grantOf finds a grant in a request, which the event must hold (audit level
// Request or higher). Only what the request itself brings counts, not what the
// object held before: relabelling an open binding is no new grant.
func grantOf(ev *audit.Event) (g grant, ok bool) {
	if len(ev.RequestObject) == 0 {
		return grant{}, false
	}
	kind := map[string]string{"rolebindings": "RoleBinding", "clusterrolebindings": "ClusterRoleBinding"}[ev.ObjectRef.Resource]
	if kind == "" || ev.ObjectRef.Subresource != "" || !slices.Contains([]string{"create", "update", "patch"}, ev.Verb) {
		return grant{}, false
	}
	who := subjectsOf(ev.RequestObject)
	if len(who) == 0 {
		return grant{}, false
	}
	var request, response manifest
	_ = json.Unmarshal(ev.RequestObject, &request) // a JSON patch is no object: then only the response can tell
	_ = json.Unmarshal(ev.ResponseObject, &response)
	g.binding = Binding{Kind: kind, Name: cmp.Or(ev.ObjectRef.Name, request.Metadata.Name, response.Metadata.Name), Subject: strings.Join(who, ", ")}
	if kind == "RoleBinding" {
		g.binding.Name += "/" + cmp.Or(ev.ObjectRef.Namespace, request.Metadata.Namespace)
	}
	g.binding.RoleKind = cmp.Or(request.RoleRef.Kind, response.RoleRef.Kind)
	g.binding.Role = cmp.Or(request.RoleRef.Name, response.RoleRef.Name)
	// The API server makes the default bindings itself when it starts.
	return g, ev.User.Username != apiServer || !g.binding.byDefault()
}

// category is how bad the grant is: worse if the role lets its holder write
// everywhere, little if the request was refused.
func (g *grant) category(outcome Outcome) *Category {
	c := &Category{
		Name: string(AnonymousAccessGranted), Impact: 70, Confidence: 80, ATTACK: []string{"T1098.006"},
		Example: "create clusterrolebindings with the subject system:unauthenticated",
		Why:     "It gives a role to everybody who can reach the API server, or to everybody who has any account.",
	}
	if slices.Contains([]string{"cluster-admin", "admin", "edit"}, g.binding.Role) {
		c.Impact, c.Confidence = 90, 90
	}
	if outcome == Denied {
		c.Impact, c.Confidence = 50, 50
	}
	return c
}

// manifest is what is read of a RoleBinding or ClusterRoleBinding
// (k8s.io/api rbac/v1).
type manifest struct {
	Metadata struct{ Name, Namespace string }
	RoleRef  struct{ Kind, Name string }
	Subjects []subject
}

type subject struct {
	Kind, Name string
	Patch      string `json:"$patch"` // of a strategic merge patch: "delete" takes the subject away
}

// subjectsOf finds everybody among the subjects of a request object: a whole
// object (create, update, server-side apply), a merge patch or strategic merge
// patch, which have the form of one, or a JSON patch (RFC 6902).
func subjectsOf(object []byte) (found []string) {
	add := func(subjects ...subject) {
		for _, s := range subjects {
			who := strings.TrimSpace(s.Kind + " " + s.Name)
			if slices.Contains(everybody, s.Name) && s.Patch != "delete" && s.Kind != "ServiceAccount" && !slices.Contains(found, who) {
				found = append(found, who)
			}
		}
	}
	var whole manifest
	if json.Unmarshal(object, &whole) == nil {
		add(whole.Subjects...)
		return found
	}
	var patch []struct {
		Op, Path string
		Value    json.RawMessage
	}
	if json.Unmarshal(object, &patch) != nil {
		return nil
	}
	for _, p := range patch {
		if p.Op != "add" && p.Op != "replace" {
			continue
		}
		var (
			many []subject
			one  subject
			name string
		)
		switch {
		case p.Path == "":
			add(wholeSubjects(p.Value)...)
		case p.Path != "/subjects" && !strings.HasPrefix(p.Path, "/subjects/"):
		case json.Unmarshal(p.Value, &many) == nil:
			add(many...)
		case json.Unmarshal(p.Value, &one) == nil:
			add(one)
		case json.Unmarshal(p.Value, &name) == nil:
			add(subject{Name: name})
		}
	}
	return found
}

func wholeSubjects(object []byte) []subject {
	var whole manifest
	_ = json.Unmarshal(object, &whole) // what is no binding has no subjects
	return whole.Subjects
}

// message says who granted what to whom.
func (g *grant) message(f *facts) string {
	b := &g.binding
	result := "asked to grant"
	switch f.outcome {
	case Allowed:
		result = "granted"
	case Denied:
		result = "tried to grant"
	}
	return Clean(f.ev.User.Username) + " " + result + " " + Clean(strings.TrimSpace(b.RoleKind+" "+b.Role)) + " to " + Clean(b.Subject) + " by " + b.Kind + " " + Clean(b.Name)
}
