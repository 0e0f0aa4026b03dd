package envelope

import (
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// aksTable reads a row of the table AKSAudit of Log Analytics: the keys of an
// event in Pascal case, whose objects an export may have left as strings. The
// decoder has read it as an event with keys in another case; here they are the
// right ones, so that nothing was tampered with. It reports false for any other
// text.
func (u *Unwrapper) aksTable(text []byte) (*audit.Event, bool) {
	o := membersOf(text)
	if !o.has("AuditId", "User", "Verb") {
		return nil, false
	}
	var row []byte
	seen := map[string]bool{}
	for _, m := range o.members {
		key := strings.ToLower(m.name)
		if seen[key] {
			return nil, false
		}
		seen[key] = true
		name := m.name
		if name == "RequestReceivedTime" {
			name = "requestReceivedTimestamp"
		}
		value := m.value
		if inner := audit.Unquote(value); len(inner) > 0 && (inner[0] == '{' || inner[0] == '[') {
			value = inner
		}
		row = append(append(append(append(row, ',', '"'), name...), '"', ':'), value...)
	}
	row[0] = '{'
	ev, err := u.decoder.Decode(append(row, '}'))
	if err != nil {
		return nil, false
	}
	ev.Tampered = false
	return ev, true
}
