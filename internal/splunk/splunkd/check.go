package splunkd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/kubeanon/kubeanon/internal/splunk/search"
)

// ViolationError is a reply that breaks the protocol.
type ViolationError struct{ Text string }

func (e *ViolationError) Error() string { return "protocol violation: " + e.Text }

func violation(format string, args ...any) error {
	return &ViolationError{fmt.Sprintf(format, args...)}
}

// metadata is what a reply may hold.
type metadata struct {
	Type           *string  `json:"type"`
	RequiredFields []string `json:"required_fields"`
	Error          string   `json:"error"`
	Finished       *bool    `json:"finished"`
	Inspector      struct {
		Messages [][]string `json:"messages"`
	} `json:"inspector"`
}

// checkMetadata reads the metadata of a reply.
func checkMetadata(text []byte, getinfo bool) (m metadata, messages []search.Message, err error) {
	if !utf8.Valid(text) {
		return m, nil, violation("metadata is no UTF-8: %q", text)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil || dec.InputOffset() != int64(len(text)) {
		return m, nil, violation("metadata %q: %v", text, err)
	}
	for _, pair := range m.Inspector.Messages {
		if len(pair) != 2 {
			return m, nil, violation("message %q is no pair", pair)
		}
		switch pair[0] {
		case "DEBUG", "INFO", "WARN", "ERROR", "FATAL":
		default:
			return m, nil, violation("message level %q", pair[0])
		}
		messages = append(messages, search.Message{Level: search.Level(pair[0]), Text: pair[1]})
	}
	switch {
	case getinfo && m.Type == nil:
		return m, nil, violation("the reply to getinfo has no type")
	case getinfo && *m.Type != "streaming" && *m.Type != "stateful":
		return m, nil, violation("type %q", *m.Type)
	case getinfo && len(messages) > 0:
		return m, nil, violation("splunkd throws messages in the reply to getinfo away")
	case !getinfo && (m.Type != nil || m.RequiredFields != nil || m.Error != ""):
		return m, nil, violation("keys of getinfo in the reply to execute")
	case !getinfo && m.Finished == nil:
		return m, nil, violation("the reply to execute has no finished")
	}
	return m, messages, nil
}

// parseCSV reads a body strictly.
func parseCSV(body []byte) (table [][]string, err error) {
	switch {
	case !utf8.Valid(body):
		return nil, violation("the body is no UTF-8")
	case bytes.IndexByte(body, 0) >= 0:
		return nil, violation("the body holds NUL")
	case bytes.HasPrefix(body, []byte("\ufeff")):
		return nil, violation("the body begins with a byte order mark")
	}
	var row []string
	for s := string(body); s != ""; {
		var value string
		if strings.HasPrefix(s, `"`) {
			end := 1
			for {
				i := strings.IndexByte(s[end:], '"')
				if i < 0 {
					return nil, violation("a quote is never closed")
				}
				end += i + 1
				if !strings.HasPrefix(s[end:], `"`) {
					break
				}
				end++
			}
			value, s = strings.ReplaceAll(s[1:end-1], `""`, `"`), s[end:]
		} else {
			i := strings.IndexAny(s, ",\n")
			if i < 0 {
				return nil, violation("the last row has no end")
			}
			value, s = s[:i], s[i:]
			if strings.ContainsAny(value, "\"\r") {
				return nil, violation("a bare cell holds a quote or CR: %q", value)
			}
		}
		row = append(row, value)
		switch {
		case strings.HasPrefix(s, ","):
		case strings.HasPrefix(s, "\n"):
			table, row = append(table, row), nil
		default:
			return nil, violation("behind a cell stands %.20q", s)
		}
		s = s[1:]
	}
	if row != nil {
		return nil, violation("the last row has no end")
	}
	return table, nil
}

// checkBody reads the body of a reply into rows.
func checkBody(body []byte) (rows []Row, err error) {
	table, err := parseCSV(body)
	if err != nil || len(table) == 0 {
		return nil, err
	}
	header, place := table[0], map[string]int{}
	for i, name := range header {
		if _, twice := place[name]; twice || name == "" {
			return nil, violation("column %q twice or without a name", name)
		}
		place[name] = i
	}
	for name := range place {
		if base, twin := strings.CutPrefix(name, "__mv_"); twin {
			if _, ok := place[base]; !ok {
				return nil, violation("%s without %s", name, base)
			}
		}
	}
	for n, cells := range table[1:] {
		if len(cells) != len(header) {
			return nil, violation("row %d has %d cells, the header %d", n+1, len(cells), len(header))
		}
		row := Row{}
		for name, i := range place {
			if strings.HasPrefix(name, "__mv_") {
				continue
			}
			twin := ""
			if j, ok := place["__mv_"+name]; ok {
				twin = cells[j]
			}
			switch {
			case twin != "":
				values, err := values(twin)
				if err != nil {
					return nil, err
				}
				if strings.Join(values, "\n") != cells[i] {
					return nil, violation("%s is %q, but its twin says %q", name, cells[i], values)
				}
				row[name] = values
			case cells[i] != "":
				row[name] = []string{cells[i]}
			}
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// twinValue is one value of a twin cell and what ends it.
var twinValue = regexp.MustCompile(`^\$((?:[^$]|\$\$)*)\$(;|$)`)

// values reads a twin cell, "$a$;$b$".
func values(twin string) (all []string, err error) {
	for rest := twin; ; {
		m := twinValue.FindStringSubmatch(rest)
		if m == nil {
			return nil, violation("twin cell %q", twin)
		}
		all = append(all, strings.ReplaceAll(m[1], "$$", "$"))
		rest = rest[len(m[0]):]
		if m[2] == "" {
			return all, nil
		}
	}
}
