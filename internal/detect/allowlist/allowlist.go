// Package allowlist reads the lookup kubeanon_allowlist.csv, by which known
// false positives are left out, and applies it as Splunk's lookup does: the
// same file gives the same rows in a search and in a scan.
package allowlist

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// Columns are the columns of the file, in their order.
var Columns = []string{
	"entry", "cidr", "uri", "user_agent", "verb", "resource", "namespace", "cluster", "outcome",
	"reason", "owner", "expires", "accept_forgeable",
}

// Any stands in a column that an entry does not look at.
const Any = "*"

// Never stands in the column expires of an entry that stays.
const Never = "never"

// Entry is one line: findings that match all of it are left out.
type Entry struct {
	Name    string       // unique; reports name the entry by it
	Network netip.Prefix // of the address that no client can forge

	// Wildcards: * stands for any text, all else for itself.
	URI, UserAgent, Verb, Resource, Namespace, Cluster, Outcome string

	Reason, Owner string
	Expires       string // the last day it holds, as 2027-01-31, or Never
	Forgeable     bool   // it may look at what the client writes freely: the URI and the user agent
}

// outcomes are all that there are.
var outcomes = []judge.Outcome{judge.Allowed, judge.Denied, judge.UnknownOutcome}

// List is a file of entries in their order.
type List []Entry

// Load reads a file. It refuses what Splunk's lookup would quietly match in
// another way than it looks: the error names the line, and what is allowed.
func Load(r io.Reader) (List, error) {
	file := csv.NewReader(r)
	file.FieldsPerRecord = len(Columns)
	head, err := file.Read()
	if err != nil {
		return nil, fmt.Errorf("allowlist: the first line must be %s: %w", strings.Join(Columns, ","), err)
	}
	head[0] = strings.TrimPrefix(head[0], "\ufeff") // as spreadsheets save it
	if !slices.Equal(head, Columns) {
		return nil, fmt.Errorf("allowlist: the columns are %s, but must be %s", strings.Join(head, ","), strings.Join(Columns, ","))
	}
	var list List
	names := map[string]bool{}
	for {
		row, err := file.Read()
		if err == io.EOF {
			return list, nil
		}
		if errors.Is(err, csv.ErrFieldCount) {
			return nil, fmt.Errorf("allowlist: %w: %d instead of %d; a cell with a comma stands in quotes", err, len(row), len(Columns))
		}
		if err != nil {
			return nil, fmt.Errorf("allowlist: %w", err)
		}
		line, _ := file.FieldPos(0)
		entry, err := parse(row)
		switch {
		case err != nil:
			return nil, fmt.Errorf("allowlist: line %d: %w", line, err)
		case names[entry.Name]:
			return nil, fmt.Errorf("allowlist: line %d: entry %q is there twice", line, entry.Name)
		case len(list) == maxEntries:
			return nil, fmt.Errorf("allowlist: more than %d entries", maxEntries)
		}
		names[entry.Name] = true
		list = append(list, entry)
	}
}

func parse(row []string) (e Entry, err error) {
	for i, cell := range row {
		if cell == "" {
			return e, fmt.Errorf("%s is empty; write %s for any value, %s for an entry that does not expire", Columns[i], Any, Never)
		}
		if strings.ContainsAny(cell, "\r\n|") {
			return e, fmt.Errorf("%s holds a line break or |, which reports separate by", Columns[i])
		}
	}
	e = Entry{
		Name: row[0], URI: row[2], UserAgent: row[3], Verb: row[4], Resource: row[5], Namespace: row[6], Cluster: row[7], Outcome: row[8],
		Reason: row[9], Owner: row[10], Expires: row[11],
	}
	if e.Network, err = netip.ParsePrefix(row[1]); err != nil {
		return e, fmt.Errorf("cidr %q is no network; write one such as 10.0.0.0/8, or 0.0.0.0/0 for any IPv4 address", row[1])
	}
	if e.Network != e.Network.Masked() {
		return e, fmt.Errorf("cidr %q has bits behind the mask; did you mean %s?", row[1], e.Network.Masked())
	}
	if e.Expires != Never {
		if _, err := time.Parse(time.DateOnly, e.Expires); err != nil {
			return e, fmt.Errorf("expires %q is no day such as 2027-01-31, and not %s", e.Expires, Never)
		}
	}
	for _, c := range []int{4, 5} { // verb, resource
		if row[c] != strings.ToLower(row[c]) {
			return e, fmt.Errorf("%s %q would match nothing: audit events have it in lower case", Columns[c], row[c])
		}
	}
	if !slices.ContainsFunc(outcomes, func(o judge.Outcome) bool { return Wildcard(e.Outcome, string(o)) }) {
		return e, fmt.Errorf("outcome %q would match nothing; allowed: %s, %s, %s, or * for any", e.Outcome, judge.Allowed, judge.Denied, judge.UnknownOutcome)
	}
	switch row[12] {
	case "0":
	case "1":
		e.Forgeable = true
	default:
		return e, fmt.Errorf("accept_forgeable is %q; allowed: 0, 1", row[12])
	}
	if !e.Forgeable && (e.URI != Any || e.UserAgent != Any) {
		return e, errors.New("uri and user_agent are written by the client, so an attacker can match them; write 1 into accept_forgeable if you accept that, or * here")
	}
	if e.Network.Bits() == 0 && e.URI == Any && e.UserAgent == Any && e.Verb == Any && e.Resource == Any && e.Namespace == Any && e.Cluster == Any && e.Outcome == Any {
		return e, errors.New("it would leave out everything")
	}
	return e, nil
}

// Match is the first entry that leaves f out on a day; nil if none does.
func (l List) Match(f *detect.Finding, day time.Time) *Entry {
	if len(l) == 0 {
		return nil
	}
	today := day.Format(time.DateOnly)
	address := source(f)
	for i := range l {
		e := &l[i]
		if e.Expires >= today && e.Network.Contains(address) && e.matches(f) {
			return e
		}
	}
	return nil
}

// source is the last address of src_ip: the one that no client can forge, also
// where the whole chain is shown. It is invalid, and in no network, if there is
// none.
func source(f *detect.Finding) netip.Addr {
	if len(f.Verdict.SrcIPs) == 0 {
		return netip.Addr{}
	}
	address, err := netip.ParseAddr(f.Verdict.SrcIPs[len(f.Verdict.SrcIPs)-1])
	if err != nil {
		return netip.Addr{}
	}
	return address
}

func (e *Entry) matches(f *detect.Finding) bool {
	ev := f.Event
	return Wildcard(e.Verb, ev.Verb) && Wildcard(e.Resource, ev.ObjectRef.Resource) && Wildcard(e.Namespace, ev.ObjectRef.Namespace) &&
		Wildcard(e.Cluster, f.Cluster) && Wildcard(e.Outcome, string(f.Verdict.Outcome)) &&
		Wildcard(e.URI, ev.RequestURI) && Wildcard(e.UserAgent, ev.UserAgent)
}

// absent stands for a field that is not there, here and in the search macro:
// a lookup would match such a field against nothing, not even Any.
const absent = "-"

// Wildcard reports whether text is of the form of pattern, in which * stands
// for any text. An absent text is "-".
func Wildcard(pattern, text string) bool {
	if pattern == Any {
		return true
	}
	if text == "" {
		text = absent
	}
	first, rest, more := strings.Cut(pattern, "*")
	text, ok := strings.CutPrefix(text, first)
	if !more || !ok {
		return ok && text == ""
	}
	for {
		var part string
		part, rest, more = strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(text, part)
		}
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
}
