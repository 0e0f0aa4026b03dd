package detect

import (
	"strconv"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// Finding is one row. Event is valid as long as its decoder says.
type Finding struct {
	Event   *audit.Event
	Verdict judge.Verdict
	Format  string // how the event was wrapped
	Cluster string // what the wrapper calls the cluster, empty if it does not
	Place   Place  // where it stands, if it was read from a file
}

// Place is a line of a file.
type Place struct {
	Input string // the path, empty if there is none
	Line  int64  // of the unpacked text, from 1
}

// String is what "kubeanon explain" takes; empty for no place.
func (p Place) String() string {
	if p.Input == "" {
		return ""
	}
	return p.Input + ":" + strconv.FormatInt(p.Line, 10)
}

// Kind says how a field is written where a format knows types.
type Kind int

// The kinds of fields.
const (
	Text   Kind = iota
	List        // a multivalue
	Number      // a whole number, if the text is one
)

// Field is one column of a row.
type Field struct {
	Name     string
	Kind     Kind
	Original bool // one of the 13 of the original search, which are filled when empty
	text     func(*Finding) string
	list     func(*Finding) []string
}

// Text is the value of a field that is no List; empty means absent.
func (c *Field) Text(f *Finding) string { return c.text(f) }

// List is the value of a List; it is to be read only.
func (c *Field) List(f *Finding) []string { return c.list(f) }

// Fields is the catalogue in the order of columns. It is to be read only.
var Fields = []Field{
	original("objectRef.name", func(f *Finding) string { return f.Event.ObjectRef.Name }),
	original("objectRef.namespace", func(f *Finding) string { return f.Event.ObjectRef.Namespace }),
	original("objectRef.resource", func(f *Finding) string { return f.Event.ObjectRef.Resource }),
	original("requestReceivedTimestamp", func(f *Finding) string { return f.Event.RequestReceivedTimestamp }),
	original("requestURI", func(f *Finding) string { return f.Event.RequestURI }),
	{Name: "responseStatus.code", Kind: Number, Original: true, text: func(f *Finding) string { return f.Event.ResponseStatus.Code }},
	{Name: "src_ip", Kind: List, Original: true, list: func(f *Finding) []string { return f.Verdict.SrcIPs }},
	original("stage", func(f *Finding) string { return f.Event.Stage }),
	{Name: "user.groups{}", Kind: List, Original: true, list: func(f *Finding) []string { return f.Event.User.Groups }},
	original("user.uid", func(f *Finding) string { return f.Event.User.UID }),
	original("user", func(f *Finding) string { return f.Event.User.Username }),
	original("userAgent", func(f *Finding) string { return f.Event.UserAgent }),
	original("verb", func(f *Finding) string { return f.Event.Verb }),

	added("anonymous_class", func(f *Finding) string { return string(f.Verdict.Class) }),
	added("outcome", func(f *Finding) string { return string(f.Verdict.Outcome) }),
	added("effect", func(f *Finding) string { return string(f.Verdict.Effect) }),
	added("category", func(f *Finding) string {
		if f.Verdict.Category == nil {
			return ""
		}
		return f.Verdict.Category.Name
	}),
	added("severity", func(f *Finding) string { return string(f.Verdict.Severity) }),
	number("impact", func(f *Finding) int { return f.Verdict.Impact }),
	number("confidence", func(f *Finding) int { return f.Verdict.Confidence }),
	number("risk_score", func(f *Finding) int { return f.Verdict.Score }),
	added("risk_message", func(f *Finding) string { return f.Verdict.Message }),
	{Name: "risk_factors", Kind: List, list: func(f *Finding) []string { return f.Verdict.Factors }},
	added("threat_object", func(f *Finding) string { return f.Verdict.ThreatObject }),
	added("threat_object_type", func(f *Finding) string {
		if f.Verdict.ThreatObject == "" {
			return ""
		}
		return "ip_address"
	}),
	{Name: "mitre_attack_id", Kind: List, list: func(f *Finding) []string {
		if f.Verdict.Category == nil {
			return nil
		}
		return f.Verdict.Category.ATTACK
	}},
	{Name: "src_ip_chain", Kind: List, list: func(f *Finding) []string { return f.Event.SourceIPs }},
	flag("xff_suspect", func(f *Finding) bool { return f.Verdict.XFFSuspect }),
	added("rbac_kind", func(f *Finding) string { return f.Verdict.Binding.Kind }),
	added("rbac_binding", func(f *Finding) string { return f.Verdict.Binding.Name }),
	added("rbac_role", func(f *Finding) string { return f.Verdict.Binding.Role }),
	added("rbac_subject", func(f *Finding) string { return f.Verdict.Binding.Subject }),
	added("impersonated_user", func(f *Finding) string { return f.Verdict.ActedAs }),
	added("remediation", func(f *Finding) string { return f.Verdict.Remediation }),
	added("cluster", func(f *Finding) string { return f.Cluster }),
	added("audit_id", func(f *Finding) string { return f.Event.AuditID }),
	added("objectRef.subresource", func(f *Finding) string { return f.Event.ObjectRef.Subresource }),
	added("objectRef.apiGroup", func(f *Finding) string { return f.Event.ObjectRef.APIGroup }),
	added("format", func(f *Finding) string { return f.Format }),
	flag("partial", func(f *Finding) bool { return f.Event.Partial }),
	flag("tampered", func(f *Finding) bool { return f.Event.Tampered }),
}

func original(name string, text func(*Finding) string) Field {
	return Field{Name: name, Original: true, text: text}
}

func added(name string, text func(*Finding) string) Field { return Field{Name: name, text: text} }

// number is a figure of the score; without a category there is none.
func number(name string, value func(*Finding) int) Field {
	return Field{Name: name, Kind: Number, text: func(f *Finding) string {
		if f.Verdict.Category == nil {
			return ""
		}
		return strconv.Itoa(value(f))
	}}
}

func flag(name string, set func(*Finding) bool) Field {
	return Field{Name: name, text: func(f *Finding) string {
		if set(f) {
			return "1"
		}
		return ""
	}}
}
