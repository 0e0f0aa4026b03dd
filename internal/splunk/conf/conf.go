// Package conf reads Splunk's configuration files.
package conf

import (
	"fmt"
	"strings"
)

// File is a .conf file: stanzas of settings. Settings above the first stanza
// stand under "".
type File map[string]map[string]string

// Parse reads a file: every line is a comment, a stanza, a setting or the
// continuation of one. What is neither, or stands twice, is a problem; of what
// stands twice the last counts, as for Splunk.
func Parse(text string) (f File, problems []string) {
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	text = strings.TrimPrefix(strings.ReplaceAll(text, "\r\n", "\n"), "\ufeff")
	f, stanza := File{}, ""
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\\\n", " "), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			stanza = line[1 : len(line)-1]
			if f[stanza] != nil {
				problem("[%s] twice", stanza)
			} else {
				f[stanza] = map[string]string{}
			}
		default:
			name, value, ok := strings.Cut(line, "=")
			key := strings.TrimSpace(name)
			if !ok {
				problem("%q", line)
				continue
			}
			if f[stanza] == nil {
				f[stanza] = map[string]string{}
			}
			if _, twice := f[stanza][key]; twice {
				problem("[%s] %s twice", stanza, key)
			}
			f[stanza][key] = strings.TrimSpace(value)
		}
	}
	return f, problems
}
