package audit

import (
	"slices"
	"strconv"
)

// The two names that Kubernetes gives to a request without credentials
// (k8s.io/apiserver pkg/authentication/request/anonymous and
// pkg/authentication/user). They are compared byte for byte.
const (
	Anonymous       = "system:anonymous"
	Unauthenticated = "system:unauthenticated"
)

// Event is one audit.k8s.io/v1 Event, reduced to what judgement needs. A field
// that the text does not hold is the zero value. All text is verbatim: much of
// it was written by the client of the API server.
type Event struct {
	Level      string // None, Metadata, Request or RequestResponse
	AuditID    string // chosen by the client if it sends an Audit-ID header
	Stage      string // RequestReceived, ResponseStarted, ResponseComplete or Panic
	RequestURI string // with its query
	Verb       string // get, list, ...; empty for an exotic method on a resource

	User             User // who asked
	ImpersonatedUser User // as whom; the zero value if nobody was impersonated

	SourceIPs []string // only the last was seen by the API server, the others are what X-Forwarded-For claims
	UserAgent string

	ObjectRef      ObjectRef
	ResponseStatus ResponseStatus

	RequestObject, ResponseObject []byte // JSON as it stands; only if the decoder was told to keep them

	RequestReceivedTimestamp string // RFC 3339 with microseconds
	StageTimestamp           string

	Annotations Annotations

	// NoPrincipal is set for a record of GKE that names nobody.
	NoPrincipal bool
	// NameIsAll is set for dialects that carry a principal but no groups
	// (GKE): there the name alone counts as name and group.
	NameIsAll bool
	// Partial: the text ended or broke after the identity.
	Partial bool
	// Tampered: a key stood twice or in another letter case.
	Tampered bool
}

// User is a UserInfo of authentication.k8s.io/v1.
type User struct {
	Username string
	UID      string // anonymous users never have one
	Groups   []string
}

// Anonymous reports whether the user has the anonymous name, and whether it is
// in the group of the unauthenticated. Either is enough for the API server
// itself (isAnonymousUser in pkg/endpoints/filters/authentication.go).
func (u *User) Anonymous() (name, group bool) {
	return u.Username == Anonymous, slices.Contains(u.Groups, Unauthenticated)
}

// ObjectRef names the object of a resource request. It is absent for other
// requests, such as /healthz.
type ObjectRef struct {
	Resource, Namespace, Name, APIGroup, APIVersion, Subresource string
}

// ResponseStatus is the part of a metav1.Status that an event carries.
type ResponseStatus struct {
	Code    string // verbatim: a number, or a string that holds one
	Status  string
	Message string
	Reason  string
}

// HTTPCode is the response code as a number, 0 if there is none or if it is
// no whole number from 100 to 999.
func (s *ResponseStatus) HTTPCode() int {
	f, err := strconv.ParseFloat(s.Code, 64)
	if err != nil || f < 100 || f > 999 {
		return 0
	}
	return int(f)
}

// Annotations holds those that the authorizer writes. A client cannot write
// them: they are the only proof in an event.
type Annotations struct {
	Decision string // authorization.k8s.io/decision: allow or forbid; empty before authorization
	Reason   string // authorization.k8s.io/reason

	// What OpenShift's OAuth server writes of a login
	// (github.com/openshift/oauth-server pkg/audit): allow, deny or error, and
	// the name that was given.
	LoginDecision string // authentication.openshift.io/decision
	LoginUser     string // authentication.openshift.io/username

	// Truncated is "true" if the API server cut the bodies of the event
	// (audit.k8s.io/truncated).
	Truncated string
}
