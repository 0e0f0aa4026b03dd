package appconf

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/options"

	"github.com/kubeanon/kubeanon/internal/splunk/conf"
)

// search follows which fields the rows of a search have from one command to the
// next. It is no Splunk: it knows the commands that this app uses, and of their
// arguments as much as tells fields from the rest. What it does not know it
// reports, so that nothing goes by unchecked.
type search struct {
	fields   map[string]bool
	absent   map[string]bool // fields of kubeanon that a row may lack
	problems []string
	lookups  map[string][]string // columns by name
}

func (s *search) problem(format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// splunkFields every event has.
var splunkFields = []string{"_time", "_raw", "host", "source", "sourcetype", "index", "_indextime"}

// always are fields of kubeanon that each row has, beside the original ones,
// which are filled.
var always = []string{"anonymous_class", "outcome", "category", "severity", "impact", "confidence", "risk_score", "risk_message", "format"}

// internalFields splunkd's own log has, too.
var internalFields = []string{"component", "log_level"}

// expand replaces macros by their definitions.
func expand(text string, macros conf.File, depth int) (string, error) {
	if depth > 10 {
		return "", fmt.Errorf("macros go in a circle")
	}
	var err error
	text = regexp.MustCompile("`([^`]*)`").ReplaceAllStringFunc(text, func(use string) string {
		name, args, called := strings.Cut(strings.Trim(use, "`"), "(")
		arity := 0
		if called && strings.TrimSuffix(args, ")") != "" {
			arity = strings.Count(args, ",") + 1
		}
		if arity > 0 {
			name = fmt.Sprintf("%s(%d)", name, arity)
		}
		if macros[name] == nil {
			err = fmt.Errorf("no macro %s", name)
			return ""
		}
		inner, ierr := expand(macros[name]["definition"], macros, depth+1)
		if ierr != nil {
			err = ierr
		}
		return inner
	})
	if strings.Contains(text, "`") && err == nil {
		err = fmt.Errorf("a backtick without its other")
	}
	return text, err
}

// stages cuts a search at its pipes.
func stages(text string) (stages []string, err error) {
	var stage strings.Builder
	var open []rune
	quoted, escaped := false, false
	for _, r := range text {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		case quoted:
		case r == '(' || r == '[':
			open = append(open, r)
		case r == ')' || r == ']':
			if len(open) == 0 || open[len(open)-1] != map[rune]rune{')': '(', ']': '['}[r] {
				return nil, fmt.Errorf("%c closes nothing", r)
			}
			open = open[:len(open)-1]
		case r == '|' && len(open) == 0:
			stages = append(stages, strings.TrimSpace(stage.String()))
			stage.Reset()
			continue
		}
		stage.WriteRune(r)
	}
	if quoted || len(open) > 0 {
		return nil, fmt.Errorf("a quote or bracket is not closed")
	}
	return append(stages, strings.TrimSpace(stage.String())), nil
}

// follow follows a whole search, whose macros are expanded.
func follow(text string, lookups map[string][]string) *search {
	s := &search{fields: map[string]bool{}, absent: map[string]bool{}, lookups: lookups}
	all, err := stages(text)
	if err != nil {
		s.problem("%v", err)
		return s
	}
	for i, stage := range all {
		command, rest, _ := strings.Cut(stage, " ")
		switch {
		case i == 0 && stage == "": // it begins with a generating command
		case i == 0:
			s.add(splunkFields...)
			if strings.Contains(stage, "index=_internal") {
				s.add(internalFields...)
			}
		case stage == "":
			s.problem("an empty command between two pipes")
		default:
			s.command(command, strings.TrimSpace(rest))
		}
	}
	return s
}

func (s *search) add(fields ...string) {
	for _, f := range fields {
		s.fields[f] = true
	}
}

// need reports fields that no row has.
func (s *search) need(where string, fields ...string) {
	for _, f := range fields {
		f = strings.Trim(f, `"'`)
		if f != "" && f != "*" && !s.fields[f] {
			s.problem("%s names the field %s, which no row has", where, f)
		}
	}
}

var option = regexp.MustCompile(`\b[a-zA-Z_]+=("[^"]*"|\S+)`)

func (s *search) command(name, rest string) {
	switch name {
	case "kubeanon":
		if _, err := options.Parse(strings.Fields(strings.ReplaceAll(rest, `"`, ""))); err != nil {
			s.problem("%v", err)
		}
		for _, f := range detect.Fields {
			s.add(f.Name)
			s.absent[f.Name] = !f.Original && !slices.Contains(always, f.Name)
		}
		s.add("kubeanon_error")
		s.absent["kubeanon_error"] = true
	case "eval":
		for _, part := range split(rest) {
			field, value, ok := strings.Cut(part, "=")
			if !ok {
				s.problem("eval %s assigns nothing", part)
			}
			s.need("eval", operands(value)...)
			field = strings.Trim(strings.TrimSpace(field), `"'`)
			s.add(field)
			s.absent[field] = false
		}
	case "where":
		s.need("where", operands(rest)...)
	case "search":
		for _, m := range regexp.MustCompile(`([A-Za-z_][\w.{}]*)\s*(?:!=|=|<|>)`).FindAllStringSubmatch(unquoted(rest), -1) {
			s.need("search", m[1])
		}
	case "stats", "timechart", "chart", "eventstats":
		s.stats(name, rest)
	case "fillnull":
		for f := range strings.FieldsSeq(option.ReplaceAllString(rest, "")) {
			s.add(f)
			s.absent[f] = false
		}
	case "rename":
		for _, part := range split(rest) {
			from, to, ok := cutWord(part, "AS")
			if !ok {
				s.problem("rename %s has no AS", part)
				continue
			}
			s.need("rename", from)
			delete(s.fields, from)
			s.add(strings.Trim(to, `"`))
		}
	case "fields":
		if names, drops := strings.CutPrefix(rest, "-"); drops {
			for _, f := range words(names) {
				delete(s.fields, f)
			}
			return
		}
		s.only(words(rest))
	case "table":
		s.only(words(rest))
	case "sort":
		for _, f := range words(rest) {
			if f = strings.TrimLeft(f, "+-"); f != "" && f != "0" && f != "limit=0" {
				s.need("sort", f)
			}
		}
	case "dedup", "mvexpand":
		s.need(name, words(option.ReplaceAllString(rest, ""))...)
	case "head":
	case "lookup":
		s.lookup(rest)
	case "inputlookup":
		parts := words(option.ReplaceAllString(rest, ""))
		if len(parts) != 1 || s.lookups[parts[0]] == nil {
			s.problem("inputlookup %s: no such lookup", rest)
			return
		}
		s.add(s.lookups[parts[0]]...)
	case "iplocation":
		s.need(name, words(option.ReplaceAllString(rest, ""))...)
		s.add("lat", "lon", "City", "Region", "Country")
	case "geostats":
		s.need(name, "lat", "lon")
	case "tstats":
		_, by, _ := cutWord(rest, "BY")
		s.fields = map[string]bool{}
		for _, m := range regexp.MustCompile(`AS (\w+)`).FindAllStringSubmatch(rest, -1) {
			s.add(m[1])
		}
		s.add(words(option.ReplaceAllString(by, ""))...)
	case "makeresults":
		s.add("_time")
	case "append", "appendpipe":
		inner := strings.TrimSuffix(strings.TrimPrefix(rest, "["), "]")
		if name == "append" {
			if !strings.HasPrefix(strings.TrimSpace(inner), "|") {
				inner = strings.TrimSpace(inner)
				inner = strings.TrimPrefix(inner, "search ")
			}
			sub := follow(inner, s.lookups)
			s.problems = append(s.problems, sub.problems...)
			for f := range sub.fields {
				s.add(f)
			}
			return
		}
		for stage := range strings.SplitSeq(inner, "|") {
			command, args, _ := strings.Cut(strings.TrimSpace(stage), " ")
			s.command(command, args)
		}
	default:
		s.problem("the command %s is not known here", name)
	}
}

func (s *search) only(fields []string) {
	s.need("table", fields...)
	s.fields = map[string]bool{}
	s.add(fields...)
}

// stats follows the transforming commands: afterwards there are the results
// and what they are grouped by.
func (s *search) stats(name, rest string) {
	results, by, _ := cutWord(rest, "BY")
	groups := words(option.ReplaceAllString(by, ""))
	s.need(name+" BY", groups...)
	for _, f := range groups {
		if s.absent[f] {
			s.problem("%s BY %s drops the rows that lack it: fill it before", name, f)
		}
	}
	var made []string
	for _, m := range regexp.MustCompile(`\b(count|c|dc|values|min|max|sum|avg|latest|earliest|first|last)\b(?:\(((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\))?(?:\s+AS\s+(?:"([^"]*)"|([\w.]+)))?`).FindAllStringSubmatch(results, -1) {
		of, as := m[2], m[3]+m[4]
		if expression, ok := strings.CutPrefix(of, "eval("); ok {
			s.need(name, operands(strings.TrimSuffix(expression, ")"))...)
		} else {
			s.need(name, of)
		}
		if as == "" {
			as = m[1]
			if of != "" {
				as += "(" + of + ")"
			}
		}
		made = append(made, as)
	}
	if len(made) == 0 {
		s.problem("%s %s computes nothing", name, rest)
	}
	if name != "eventstats" {
		s.fields, s.absent = map[string]bool{}, map[string]bool{}
	}
	s.add(made...)
	s.add(groups...)
	if name == "timechart" {
		s.add("_time")
	}
}

func (s *search) lookup(rest string) {
	name, args, _ := strings.Cut(rest, " ")
	columns := s.lookups[name]
	if columns == nil {
		s.problem("lookup %s: no such lookup", name)
		return
	}
	in, out, _ := cutWord(args, "OUTPUT")
	each := func(list string, f func(column, field string)) {
		for _, part := range split(list) {
			column, field, ok := cutWord(part, "AS")
			if !ok {
				field = column
			}
			if !slices.Contains(columns, column) {
				s.problem("lookup %s has no column %s", name, column)
			}
			f(column, field)
		}
	}
	each(in, func(_, field string) { s.need("lookup", field) })
	each(out, func(_, field string) { s.add(field) })
}

// cutWord cuts at a keyword that stands by itself, in either case.
func cutWord(text, word string) (before, after string, ok bool) {
	at := regexp.MustCompile(`(?i)(^|\s)` + word + `(\s|$)`).FindStringIndex(text)
	if at == nil {
		return strings.TrimSpace(text), "", false
	}
	return strings.TrimSpace(text[:at[0]]), strings.TrimSpace(text[at[1]:]), true
}

// words are the names of a list that commas or blanks separate.
func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// split cuts at commas outside of quotes and brackets.
func split(list string) (parts []string) {
	depth, quoted, from := 0, false, 0
	for i, r := range list {
		switch {
		case r == '"':
			quoted = !quoted
		case quoted:
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			parts = append(parts, strings.TrimSpace(list[from:i]))
			from = i + 1
		}
	}
	return append(parts, strings.TrimSpace(list[from:]))
}

func unquoted(text string) string {
	return regexp.MustCompile(`"(?:[^"\\]|\\.)*"`).ReplaceAllString(text, `""`)
}

// operands are the fields of an expression.
func operands(expression string) (fields []string) {
	expression = unquoted(expression)
	for _, m := range regexp.MustCompile(`'([^']*)'|([A-Za-z_][\w.]*)(\s*\()?`).FindAllStringSubmatch(expression, -1) {
		switch {
		case m[1] != "":
			fields = append(fields, m[1])
		case m[3] == "" && !slices.Contains([]string{"AND", "OR", "NOT", "IN", "true", "false", "null"}, m[2]):
			fields = append(fields, m[2])
		}
	}
	return fields
}
