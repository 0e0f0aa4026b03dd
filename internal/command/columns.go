package command

import (
	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/splunk/rows"
)

// formatColumns is the format of an event that was built of extracted fields.
const formatColumns = "columns"

// column is a field as Splunk's JSON extraction names it: members joined with
// dots, arrays marked with braces.
type column struct {
	name string
	text func(*audit.Event) *string
	list func(*audit.Event) *[]string
}

// wanted lists the fields that judgement needs.
var wanted = []column{
	{name: "auditID", text: func(e *audit.Event) *string { return &e.AuditID }},
	{name: "stage", text: func(e *audit.Event) *string { return &e.Stage }},
	{name: "requestURI", text: func(e *audit.Event) *string { return &e.RequestURI }},
	{name: "verb", text: func(e *audit.Event) *string { return &e.Verb }},
	{name: "user.username", text: func(e *audit.Event) *string { return &e.User.Username }},
	{name: "user.uid", text: func(e *audit.Event) *string { return &e.User.UID }},
	{name: "user.groups{}", list: func(e *audit.Event) *[]string { return &e.User.Groups }},
	{name: "impersonatedUser.username", text: func(e *audit.Event) *string { return &e.ImpersonatedUser.Username }},
	{name: "impersonatedUser.groups{}", list: func(e *audit.Event) *[]string { return &e.ImpersonatedUser.Groups }},
	{name: "sourceIPs{}", list: func(e *audit.Event) *[]string { return &e.SourceIPs }},
	{name: "userAgent", text: func(e *audit.Event) *string { return &e.UserAgent }},
	{name: "objectRef.resource", text: func(e *audit.Event) *string { return &e.ObjectRef.Resource }},
	{name: "objectRef.namespace", text: func(e *audit.Event) *string { return &e.ObjectRef.Namespace }},
	{name: "objectRef.name", text: func(e *audit.Event) *string { return &e.ObjectRef.Name }},
	{name: "objectRef.apiGroup", text: func(e *audit.Event) *string { return &e.ObjectRef.APIGroup }},
	{name: "objectRef.subresource", text: func(e *audit.Event) *string { return &e.ObjectRef.Subresource }},
	{name: "responseStatus.code", text: func(e *audit.Event) *string { return &e.ResponseStatus.Code }},
	{name: "responseStatus.message", text: func(e *audit.Event) *string { return &e.ResponseStatus.Message }},
	{name: "requestReceivedTimestamp", text: func(e *audit.Event) *string { return &e.RequestReceivedTimestamp }},
	{name: "annotations.authorization.k8s.io/decision", text: func(e *audit.Event) *string { return &e.Annotations.Decision }},
	{name: "annotations.authorization.k8s.io/reason", text: func(e *audit.Event) *string { return &e.Annotations.Reason }},
}

func columnNames() (names []string) {
	for _, c := range wanted {
		names = append(names, c.name)
	}
	return names
}

// columns builds events of extracted fields.
type columns struct {
	index []int // for each of wanted its column, -1 if there is none
}

func (c *columns) plan(header *rows.Header) {
	c.index = c.index[:0]
	for _, w := range wanted {
		c.index = append(c.index, header.Index(w.name))
	}
}

// read builds the event of a row. It reports false if the row names nobody and
// has no response code either: then it is no audit event.
func (c *columns) read(row *rows.Row, ev *audit.Event) bool {
	*ev = audit.Event{}
	for i, w := range wanted {
		in := c.index[i]
		if in < 0 {
			continue
		}
		if w.list != nil {
			*w.list(ev) = row.Values(in)
		} else {
			*w.text(ev) = string(row.Value(in))
		}
	}
	return ev.User.Username != "" || len(ev.User.Groups) > 0 || ev.AuditID != "" && ev.Stage != ""
}
