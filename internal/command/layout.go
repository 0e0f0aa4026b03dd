package command

import (
	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/options"
	"github.com/kubeanon/kubeanon/internal/splunk/rows"
)

// layout says which columns a reply has and where each comes from: all that
// came in, in their order, then ours. A column of ours that came in stays at
// its place and takes our value.
type layout struct {
	out     []rows.Column
	sources []source // one for each of out

	raw  int // the column of the raw text, -1 if there is none to read
	fill string
}

// source is where a column of the reply comes from.
type source struct {
	in    int           // column of the request, -1 if it is none
	field *detect.Field // nil if it is only passed through
	role  role
}

type role int

const (
	roleOther role = iota
	roleClass      // anonymous_class
	roleError      // kubeanon_error
)

// plan lays out the reply to a request with this header.
func (l *layout) plan(header *rows.Header, opts *options.Options) {
	l.out, l.sources, l.raw, l.fill = l.out[:0], l.sources[:0], -1, opts.Fill
	ours := map[string]*detect.Field{}
	for i := range detect.Fields {
		ours[detect.Fields[i].Name] = &detect.Fields[i]
	}
	add := func(name string, multi bool, in int) {
		field := ours[name]
		delete(ours, name)
		s := source{in: in, field: field}
		switch name {
		case "anonymous_class":
			s.role = roleClass
		case errorColumn:
			s.role = roleError
		}
		l.out = append(l.out, rows.Column{Name: name, Multi: multi || field != nil && field.Kind == detect.List})
		l.sources = append(l.sources, s)
	}
	names := header.Names()
	for i, name := range names {
		add(name, header.Multi(i), i)
	}
	if opts.Input != options.Columns {
		l.raw = header.Index(rawColumn)
	}
	for i := range detect.Fields {
		if name := detect.Fields[i].Name; ours[name] != nil {
			add(name, false, -1)
		}
	}
	if opts.All && header.Index(errorColumn) < 0 {
		add(errorColumn, false, -1)
	}
}

// write adds the row of a finding.
func (l *layout) write(out *rows.Writer, row *rows.Row, f *detect.Finding) {
	for _, s := range l.sources {
		switch {
		case s.field == nil:
			l.copy(out, row, s)
		case s.field.Kind == detect.List:
			values := s.field.List(f)
			if len(values) == 0 && s.field.Original {
				out.Text(l.fill)
			} else {
				out.Values(values)
			}
		default:
			text := s.field.Text(f)
			if text == "" && s.field.Original {
				text = l.fill
			}
			out.Text(text)
		}
	}
	out.EndRow()
}

// pass adds a row that holds no event: as it came, with its class and, if it
// is undecidable, the reason.
func (l *layout) pass(out *rows.Writer, row *rows.Row, class judge.Class, reason detect.Reason) {
	for _, s := range l.sources {
		switch s.role {
		case roleClass:
			out.Text(string(class))
		case roleError:
			out.Text(string(reason))
		default:
			l.copy(out, row, s)
		}
	}
	out.EndRow()
}

// copy adds a cell as it came.
func (l *layout) copy(out *rows.Writer, row *rows.Row, s source) {
	if s.in < 0 {
		out.Text("")
		return
	}
	out.Raw(row.Cell(s.in), row.MVCell(s.in))
}
