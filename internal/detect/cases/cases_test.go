package cases_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/kubeanon/kubeanon/internal/detect/cases"
)

// TestCases holds every case against its expectation, and prints a table of
// what differs.
func TestCases(t *testing.T) {
	all, err := cases.Load(cases.Builtin())
	if err != nil || len(all) != 96 {
		t.Fatal(len(all), err)
	}
	rows := 0
	for _, c := range all {
		for _, line := range c.Check() {
			t.Errorf("%-4s %-30s %-60s %s", c.ID, c.Format, line, c.Why)
		}
		rows += len(c.Rows)
	}
	if rows < 80 {
		t.Errorf("only %d rows are expected", rows)
	}
}

// TestCheckSees shows that a wrong expectation does not pass.
func TestCheckSees(t *testing.T) {
	all, err := cases.Load(cases.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		switch {
		case c.Unknown:
			c.Unknown, c.Rows = false, []cases.Row{{}}
		case len(c.Rows) == 0:
			c.Rows = []cases.Row{{}}
		default:
			c.Rows[0].Score++
		}
		if len(c.Check()) == 0 {
			t.Errorf("%s: a wrong expectation passes", c.ID)
		}
	}
}

func TestLoadErrors(t *testing.T) {
	for want, fsys := range map[string]fstest.MapFS{
		"file does not exist":             {},
		"events.ndjson:1":                 {"events.ndjson": {Data: []byte("x\n")}},
		`"A" has no line in expectations`: {"events.ndjson": {Data: []byte(`{"id":"A"}`)}, "expectations.ndjson": {}},
		`"B" has no line in events`:       {"events.ndjson": {Data: []byte(`{"id":"A"}`)}, "expectations.ndjson": {Data: []byte(`{"id":"B"}`)}},
		`unknown field "catgory"`:         {"events.ndjson": {Data: []byte(`{"id":"A"}`)}, "expectations.ndjson": {Data: []byte(`{"id":"A","rows":[{"catgory":"x"}]}`)}},
	} {
		if _, err := cases.Load(fsys); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
