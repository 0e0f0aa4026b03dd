// Package cases tests the rules of judgement against texts with expectations:
// two files of JSON lines, events.ndjson and expectations.ndjson, that belong
// together by id.
package cases

import (
	"bufio"
	"bytes"
	"embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// Case is a text and what is to come of it.
type Case struct {
	ID     string
	Format string
	Why    string
	Text   []byte
	// Unknown: whether the text is anonymous cannot be told, and that has to
	// be counted.
	Unknown bool
	Rows    []Row

	named []map[string]json.RawMessage // of each row, the fields that its line names
}

// Row is what judgement says of one event. The JSON names are those of the
// files, which are older than the fields of the product.
type Row struct {
	Class      string   `json:"auth_class"`
	User       string   `json:"user"`
	SrcIP      string   `json:"src_ip"`
	Chain      []string `json:"src_ip_chain"`
	Outcome    string   `json:"outcome"`
	Verb       string   `json:"verb"`
	Resource   string   `json:"resource"`
	Sub        string   `json:"subresource"`
	Category   string   `json:"category"`
	Impact     int      `json:"impact"`
	Confidence int      `json:"confidence"`
	Score      int      `json:"risk_score"`
	Severity   string   `json:"severity"`
	ATTACK     []string `json:"mitre_attack_id"`
	Partial    bool     `json:"partial"`
	Tampered   bool     `json:"tampered"`
}

//go:embed builtin/*.ndjson
var builtin embed.FS

// Builtin is the folder of the cases that come with kubeanon.
func Builtin() fs.FS {
	files, err := fs.Sub(builtin, "builtin")
	if err != nil {
		panic("BUG: " + err.Error()) // the name is a constant, and valid
	}
	return files
}

// Load reads the two files.
func Load(files fs.FS) ([]Case, error) {
	var all []Case
	err := lines(files, "events.ndjson", func(line []byte) error {
		var e struct {
			ID, Format, Raw string
			RawB64          string `json:"raw_b64"`
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		text, err := base64.StdEncoding.DecodeString(e.RawB64)
		if e.RawB64 == "" {
			text = []byte(e.Raw)
		}
		all = append(all, Case{ID: e.ID, Format: e.Format, Text: text})
		return err
	})
	if err != nil {
		return nil, err
	}
	expected := map[string]bool{}
	err = lines(files, "expectations.ndjson", func(line []byte) error {
		var e struct {
			ID, Why   string
			Anonymous any
			Rows      []json.RawMessage
		}
		if err := json.Unmarshal(line, &e); err != nil {
			return err
		}
		expected[e.ID] = true
		i := slices.IndexFunc(all, func(c Case) bool { return c.ID == e.ID })
		if i < 0 {
			return fmt.Errorf("%q has no line in events.ndjson", e.ID)
		}
		c := &all[i]
		c.Why, c.Unknown = e.Why, e.Anonymous == "unknown"
		for _, text := range e.Rows {
			var row Row
			var named map[string]json.RawMessage
			strict := json.NewDecoder(bytes.NewReader(text))
			strict.DisallowUnknownFields() // a misspelt field would hold nothing
			if err := errors.Join(strict.Decode(&row), json.Unmarshal(text, &named)); err != nil {
				return err
			}
			c.Rows, c.named = append(c.Rows, row), append(c.named, named)
		}
		return nil
	})
	for _, c := range all {
		if err == nil && !expected[c.ID] {
			err = fmt.Errorf("events.ndjson: %q has no line in expectations.ndjson", c.ID)
		}
	}
	return all, err
}

func lines(files fs.FS, name string, f func(line []byte) error) error {
	file, err := files.Open(name)
	if err != nil {
		return err
	}
	defer file.Close() // only read
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 16<<20)
	for n := 1; scanner.Scan(); n++ {
		if err := f(scanner.Bytes()); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	return scanner.Err()
}

// Judge says what comes of the text of a case under the default policy, by the
// way of the search command: skip first.
func (c *Case) Judge() (rows []Row, reason detect.Reason) {
	d := detect.New(judge.DefaultPolicy(), false)
	if d.CanSkip(c.Text, false) {
		return nil, detect.Decided
	}
	_, reason = d.Text(c.Text, func(f *detect.Finding) {
		ev, v := f.Event, &f.Verdict
		rows = append(rows, Row{
			Class: string(v.Class), User: ev.User.Username, SrcIP: strings.Join(v.SrcIPs, ","), Chain: append([]string{}, ev.SourceIPs...),
			Outcome: string(v.Outcome), Verb: ev.Verb, Resource: ev.ObjectRef.Resource, Sub: ev.ObjectRef.Subresource,
			Category: v.Category.Name, Impact: v.Impact, Confidence: v.Confidence, Score: v.Score, Severity: string(v.Severity),
			ATTACK: append([]string{}, v.Category.ATTACK...), Partial: ev.Partial, Tampered: ev.Tampered,
		})
	})
	return rows, reason
}

// Check tells what differs from the expectation, a line for each field that it
// names; none if nothing does.
func (c *Case) Check() (differ []string) {
	got, reason := c.Judge()
	if c.Unknown && reason != detect.Cut {
		differ = append(differ, fmt.Sprintf("reason: want %q, got %q", detect.Cut, reason))
	}
	if len(got) != len(c.Rows) {
		return append(differ, fmt.Sprintf("rows: want %d, got %d", len(c.Rows), len(got)))
	}
	for i := range got {
		want, have := reflect.ValueOf(c.Rows[i]), reflect.ValueOf(got[i])
		for n := range want.NumField() {
			name := want.Type().Field(n).Tag.Get("json")
			w, h := fmt.Sprint(want.Field(n)), fmt.Sprint(have.Field(n))
			if c.named[i][name] != nil && w != h {
				differ = append(differ, fmt.Sprintf("row %d, %s: want %s, got %s", i+1, name, w, h))
			}
		}
	}
	return differ
}
