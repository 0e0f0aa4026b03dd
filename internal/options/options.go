// Package options holds the options that the search command and the command
// line share: names, legal values, defaults, and what they set.
package options

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/kubeanon/kubeanon/internal/judge"
)

// Input says where the search command finds events.
type Input string

// The inputs.
const (
	Auto    Input = "auto"    // the raw text where it parses, else the columns
	Raw     Input = "raw"     // the raw text alone
	Columns Input = "columns" // the extracted fields alone
)

// Options are the choices of one search or scan. Start from Default.
type Options struct {
	Policy judge.Policy
	Input  Input
	All    bool   // every row passes, annotated
	Fill   string // stands in an original field that is empty

	riskSet   bool // impact= or confidence= was given
	gradedSet bool // risk=graded was given or left alone
}

// Default is what no option gives.
func Default() Options {
	return Options{Policy: judge.DefaultPolicy(), Input: Auto, Fill: "0", gradedSet: true}
}

// Option is one line of the table of options.
type Option struct {
	Name  string // as in SPL; a flag has "-" for "_"
	Value string // what it takes, for a help text
	Usage string
	List  bool // takes several values, separated by commas
	set   func(o *Options, value string) error
}

// Table lists the options in the order of the contract. It is to be read only.
var Table = []Option{
	{Name: "input", Value: "auto|raw|columns", Usage: "where the events are: the raw text, the extracted columns, or both", set: func(o *Options, v string) error {
		return choose(&o.Input, v, map[string]Input{"auto": Auto, "raw": Raw, "columns": Columns}, "auto, raw, columns")
	}},
	{Name: "match", Value: "any|strict", Usage: "name or group is enough, as for Kubernetes itself; or both, as in the original search", set: func(o *Options, v string) error {
		return choose(&o.Policy.Strict, v, map[string]bool{"any": false, "strict": true}, "any, strict")
	}},
	{Name: "risk", Value: "graded|flat", Usage: "a score by what was asked for and granted; or the same for every row", set: func(o *Options, v string) error {
		err := choose(&o.Policy.Flat, v, map[string]bool{"graded": false, "flat": true}, "graded, flat")
		o.gradedSet = !o.Policy.Flat
		return err
	}},
	{Name: "src_ip", Value: "last|all", Usage: "the address that no client can forge; or the whole chain", set: func(o *Options, v string) error {
		return choose(&o.Policy.AllSrcIPs, v, map[string]bool{"last": false, "all": true}, "last, all")
	}},
	{Name: "emit", Value: "hits|all", Usage: "only anonymous requests; or every event, annotated", set: func(o *Options, v string) error {
		return choose(&o.All, v, map[string]bool{"hits": false, "all": true}, "hits, all")
	}},
	{Name: "include", Value: "<class,...>", List: true, Usage: "classes that are off by default: " + classNames(), set: func(o *Options, v string) error {
		if !slices.Contains(judge.Optional(), judge.Class(v)) {
			return allowed(classNames())
		}
		if !o.Policy.Includes(judge.Class(v)) {
			o.Policy.Include = append(o.Policy.Include, judge.Class(v))
		}
		return nil
	}},
	{Name: "impact", Value: "<0-100>", Usage: "with risk=flat: the impact of every row (default 50)", set: func(o *Options, v string) error {
		o.riskSet = true
		return percent(&o.Policy.Impact, v)
	}},
	{Name: "confidence", Value: "<0-100>", Usage: "with risk=flat: the confidence of every row (default 50)", set: func(o *Options, v string) error {
		o.riskSet = true
		return percent(&o.Policy.Confidence, v)
	}},
	{Name: "fillvalue", Value: "<string>", Usage: "what stands in an empty field of the original search (default 0)", set: func(o *Options, v string) error {
		o.Fill = v
		return nil
	}},
	{Name: "trusted_proxies", Value: "<cidr,...>", List: true, Usage: "proxies whose addresses src_ip passes over, from the right", set: func(o *Options, v string) error {
		proxy, err := network(v)
		if err != nil {
			return allowed("addresses and networks such as 10.0.0.0/8 or 2001:db8::1")
		}
		o.Policy.Proxies = append(o.Policy.Proxies, proxy)
		return nil
	}},
}

// Error is a bad option. Its text is one line for the user.
type Error struct {
	Option  string // name, or the whole word if it is no option
	Value   string
	Allowed string // what would be right
}

func (e *Error) Error() string {
	switch {
	case find(e.Option) == nil:
		return fmt.Sprintf("unknown option %q; allowed: %s", e.Option, e.Allowed)
	case e.Value == "":
		return fmt.Sprintf("%s= has no value; allowed: %s", e.Option, e.Allowed)
	}
	return fmt.Sprintf("%s=%q is not valid; allowed: %s", e.Option, e.Value, e.Allowed)
}

// allowed is the error of a setter: what would have been right.
type allowed string

func (a allowed) Error() string { return string(a) }

// Set sets the named option from text; a list may hold several values, with
// commas between them. The error is an *Error.
func (o *Options) Set(name, value string) error {
	opt := find(name)
	if opt == nil {
		return &Error{Option: name, Allowed: names()}
	}
	values := []string{value}
	if opt.List {
		values = strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
		if len(values) == 0 {
			return &Error{Option: name, Allowed: opt.Value}
		}
	}
	for _, v := range values {
		if err := opt.set(o, v); err != nil {
			return &Error{Option: name, Value: v, Allowed: err.Error()}
		}
	}
	return nil
}

// Check says what only the options together can tell. Call it after the last
// Set.
func (o *Options) Check() error {
	if o.riskSet && o.gradedSet {
		return &Error{Option: "risk", Value: "graded", Allowed: "flat, since impact= or confidence= is given"}
	}
	return nil
}

// Parse reads the words of a search command, as splunkd hands them over:
// name=value, with a list's commas taken away or not. A bare word after a list
// that is a legal value of it continues the list. The error is an *Error.
func Parse(words []string) (Options, error) {
	o := Default()
	list := ""
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok {
			if list == "" || o.Set(list, word) != nil {
				return o, &Error{Option: word, Allowed: names()}
			}
			continue
		}
		if err := o.Set(name, value); err != nil {
			return o, err
		}
		list = ""
		if opt := find(name); opt.List {
			list = name
		}
	}
	return o, o.Check()
}

func find(name string) *Option {
	for i := range Table {
		if Table[i].Name == name {
			return &Table[i]
		}
	}
	return nil
}

func names() string {
	var all []string
	for _, o := range Table {
		all = append(all, o.Name+"=")
	}
	return strings.Join(all, ", ")
}

func classNames() string {
	var all []string
	for _, c := range judge.Optional() {
		all = append(all, string(c))
	}
	return strings.Join(all, ", ")
}

func choose[T any](dst *T, value string, choices map[string]T, legal string) error {
	v, ok := choices[value]
	if !ok {
		return allowed(legal)
	}
	*dst = v
	return nil
}

func percent(dst *int, value string) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || n > 100 {
		return allowed("a whole number from 0 to 100")
	}
	*dst = n
	return nil
}

// network reads an address or a network. IPv4 in IPv6 form is IPv4.
func network(s string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(s); err == nil {
		ip = ip.Unmap().WithZone("")
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, err
	}
	if ip := p.Addr(); ip.Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(ip.Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}
