package allowlist_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/detect/allowlist"
	"github.com/kubeanon/kubeanon/internal/judge"
)

const head = "entry,cidr,uri,user_agent,verb,resource,namespace,cluster,outcome,reason,owner,expires,accept_forgeable\n"

var day = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// request makes a finding of what an allowlist looks at.
func request(src, uri, agent, verb, resource, namespace, cluster, outcome string) *detect.Finding {
	f := &detect.Finding{
		Event:   &audit.Event{RequestURI: uri, UserAgent: agent, Verb: verb, ObjectRef: audit.ObjectRef{Resource: resource, Namespace: namespace}},
		Cluster: cluster,
	}
	f.Verdict.Outcome = judge.Outcome(outcome)
	if src != "" {
		f.Verdict.SrcIPs = strings.Fields(src)
	}
	return f
}

func TestLoadErrors(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", "the first line must be entry,cidr"},
		{"other columns", strings.Replace(head, "cidr", "network", 1), "but must be entry,cidr"},
		{"no network", head + "a,10.0.0.1,*,*,*,*,*,*,*,r,o,never,0\n", "line 2: cidr \"10.0.0.1\" is no network"},
		{"bits behind the mask", head + "a,10.0.0.1/8,*,*,*,*,*,*,*,r,o,never,0\n", "did you mean 10.0.0.0/8?"},
		{"empty cell", head + "a,10.0.0.0/8,,*,*,*,*,*,*,r,o,never,0\n", "uri is empty; write *"},
		{"no day", head + "a,10.0.0.0/8,*,*,*,*,*,*,*,r,o,31.1.2027,0\n", "no day such as 2027-01-31"},
		{"no flag", head + "a,10.0.0.0/8,*,*,*,*,*,*,*,r,o,never,yes\n", "allowed: 0, 1"},
		{"forgeable agent", head + "a,10.0.0.0/8,*,kube-probe/*,*,*,*,*,*,r,o,never,0\n", "write 1 into accept_forgeable"},
		{"forgeable uri", head + "a,10.0.0.0/8,/livez,*,*,*,*,*,*,r,o,never,0\n", "write 1 into accept_forgeable"},
		{"everything", head + "a,0.0.0.0/0,*,*,*,*,*,*,*,r,o,never,1\n", "would leave out everything"},
		{"twice", head + strings.Repeat("a,10.0.0.0/8,*,*,*,*,*,*,*,r,o,never,0\n", 2), "line 3: entry \"a\" is there twice"},
		{"cells missing", head + "a,10.0.0.0/8\n", "wrong number of fields: 2 instead of 13"},
		{"comma in a reason", head + "a,10.0.0.0/8,*,*,*,*,*,*,*,checks, all,o,never,0\n", "line 2: wrong number of fields: 14 instead of 13; a cell with a comma stands in quotes"},
		{"verb of HTTP", head + "a,10.0.0.0/8,*,*,GET,*,*,*,*,r,o,never,0\n", "verb \"GET\" would match nothing"},
		{"kind for resource", head + "a,10.0.0.0/8,*,*,*,Secrets,*,*,*,r,o,never,0\n", "resource \"Secrets\" would match nothing"},
		{"no outcome", head + "a,10.0.0.0/8,*,*,*,*,*,*,deny,r,o,never,0\n", "outcome \"deny\" would match nothing; allowed: allowed, denied, unknown"},
	} {
		if _, err := allowlist.Load(strings.NewReader(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
}

func TestMatch(t *testing.T) {
	list, err := allowlist.Load(strings.NewReader("\ufeff" + head +
		"lb,10.0.0.0/8,*,*,get,*,*,*,*,health checks,platform,2026-11-23,0\n" +
		"old,198.51.100.0/24,*,*,*,*,*,*,*,gone,platform,2026-11-22,0\n" +
		"agent,203.0.113.0/24,/livez*,kube-probe/*,*,*,*,prod-*,denied,probe,platform,never,1\n" +
		"v6,2001:db8::/32,*,*,*,secrets,kube-*,*,*,r,o,never,0\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		want string
		f    *detect.Finding
	}{
		{"lb", request("10.1.2.3", "/x", "a", "get", "", "", "", "denied")},
		{"", request("10.1.2.3", "/x", "a", "list", "", "", "", "denied")},
		{"lb", request("203.0.113.9 10.1.2.3", "/x", "a", "get", "", "", "", "denied")},
		{"", request("10.1.2.3 192.0.2.9", "/x", "a", "get", "", "", "", "denied")}, // the client claims the first
		{"", request("198.51.100.4", "/x", "a", "get", "", "", "", "denied")},       // expired yesterday
		{"agent", request("203.0.113.9", "/livez?verbose", "kube-probe/1.30", "get", "", "", "prod-eu", "denied")},
		{"", request("203.0.113.9", "/livez", "kube-probe/1.30", "get", "", "", "prod-eu", "allowed")},
		{"", request("203.0.113.9", "/livez", "kube-probe/1.30", "get", "", "", "", "denied")}, // no cluster is none of prod-*
		{"v6", request("2001:db8::1", "/x", "", "get", "secrets", "kube-system", "", "allowed")},
		{"", request("", "/x", "a", "get", "", "", "", "denied")},
		{"", request("no address", "/x", "a", "get", "", "", "", "denied")},
	} {
		got := ""
		if e := list.Match(tc.f, day); e != nil {
			got = e.Name
		}
		if got != tc.want {
			t.Errorf("%v %s: by %q, want %q", tc.f.Verdict.SrcIPs, tc.f.Event.RequestURI, got, tc.want)
		}
	}
}

// lookup is what Splunk's documentation says of a lookup whose columns have
// match types: a row matches if each of its input columns does, CIDR(c) by the
// network, WILDCARD(c) by *, and case counts. It is written for this test from
// that description alone.
type lookup struct {
	types    map[string]string
	rows     []map[string]string
	patterns map[string]*regexp.Regexp
}

func (l *lookup) find(in map[string]string) (found []map[string]string) {
	for _, row := range l.rows {
		all := true
		for column, value := range in {
			cell := row[column]
			switch l.types[column] {
			case "CIDR":
				network, err := netip.ParsePrefix(cell)
				address, aerr := netip.ParseAddr(value)
				all = all && err == nil && aerr == nil && network.Contains(address)
			case "WILDCARD":
				if l.patterns[cell] == nil {
					l.patterns[cell] = regexp.MustCompile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(cell), `\*`, ".*") + "$")
				}
				all = all && l.patterns[cell].MatchString(value)
			default:
				all = all && cell == value
			}
		}
		if all {
			found = append(found, row)
		}
	}
	return found
}

// entries is what the macro kubeanon_allowlist_mark makes of a row: two
// lookups, one for entries that look at nothing a client can write, one for the
// others, and then the day.
func (l *lookup) entries(row map[string]string, today string) (entries []string) {
	in := func(uri, agent, forgeable string) map[string]string {
		input := map[string]string{"cidr": row["src"], "uri": uri, "user_agent": agent, "accept_forgeable": forgeable}
		for _, c := range []string{"verb", "resource", "namespace", "cluster", "outcome"} {
			input[c] = filled(row[c])
		}
		return input
	}
	for _, found := range append(l.find(in("*", "*", "0")), l.find(in(filled(row["uri"]), filled(row["agent"]), "1"))...) {
		if found["expires"] >= today {
			entries = append(entries, found["entry"])
		}
	}
	return entries
}

func filled(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// TestAsLookup: a scan leaves out what a search leaves out, for every row and
// every entry of a grid. That the macro is what entries says is read off its
// text.
func TestAsLookup(t *testing.T) {
	transforms, err := os.ReadFile(filepath.Join("..", "..", "..", "default", "transforms.conf"))
	if err != nil {
		t.Fatal(err)
	}
	l := &lookup{types: map[string]string{}, patterns: map[string]*regexp.Regexp{}}
	for _, m := range regexp.MustCompile(`(CIDR|WILDCARD)\((\w+)\)`).FindAllStringSubmatch(string(transforms), -1) {
		l.types[m[2]] = m[1]
	}
	macros, err := os.ReadFile(filepath.Join("..", "..", "..", "default", "macros.conf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{
		`cidr AS allowlist_src, uri AS allowlist_any_uri, user_agent AS allowlist_any_agent,`, `accept_forgeable AS allowlist_0 OUTPUT entry AS allowlist_a, expires AS allowlist_ax`,
		`cidr AS allowlist_src, uri AS allowlist_uri, user_agent AS allowlist_agent,`, `accept_forgeable AS allowlist_1 OUTPUT entry AS allowlist_b, expires AS allowlist_bx`,
		`allowlist_src=mvindex(src_ip,-1)`, `allowlist_any_uri="*", allowlist_any_agent="*", allowlist_0="0", allowlist_1="1"`,
		`mvfilter(mvindex(split(allowlist_entry,"|"),0)>=strftime(now(),"%Y-%m-%d"))`,
	} {
		if !strings.Contains(string(macros), part) {
			t.Errorf("the macro does not hold %s", part)
		}
	}

	file := head
	n := 0
	for _, cidr := range []string{"10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32"} {
		for _, uri := range []string{"*", "/livez*", "/*/secrets", "/api/v1/pods"} {
			for _, agent := range []string{"*", "kube-probe/*"} {
				for _, rest := range []string{"get,*,*,*,*", "*,secrets,kube-*,*,denied", "*,*,*,prod*,*", "-,*,*,*,*"} {
					for _, expires := range []string{"never", "2026-11-23", "2026-11-22"} {
						forgeable := "1"
						if uri == "*" && agent == "*" && n%2 == 0 {
							forgeable = "0"
						}
						n++
						cells := []string{fmt.Sprintf("e%d", n), cidr, uri, agent}
						cells = append(append(cells, strings.Split(rest, ",")...), "r", "o", expires, forgeable)
						row := map[string]string{}
						for i, c := range allowlist.Columns {
							row[c] = cells[i]
						}
						l.rows = append(l.rows, row)
						file += strings.Join(cells, ",") + "\n"
					}
				}
			}
		}
	}
	list, err := allowlist.Load(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	compared, left := 0, 0
	for _, src := range []string{"10.1.2.3", "203.0.113.7", "2001:db8::5", ""} {
		for _, uri := range []string{"/livez", "/livez?x", "/api/v1/secrets", "/api/v1/pods", ""} {
			for _, agent := range []string{"kube-probe/1.3", "KUBE-PROBE/1.3", ""} {
				for _, verb := range []string{"get", "list", ""} {
					for _, resource := range []string{"secrets", ""} {
						for _, namespace := range []string{"kube-system", "web", ""} {
							for _, cluster := range []string{"prod-eu", "dev", ""} {
								for _, outcome := range []string{"denied", "allowed"} {
									f := request(src, uri, agent, verb, resource, namespace, cluster, outcome)
									row := map[string]string{"src": src, "uri": uri, "agent": agent, "verb": verb, "resource": resource, "namespace": namespace, "cluster": cluster, "outcome": outcome}
									want := l.entries(row, "2026-11-23")
									got := list.Match(f, day)
									compared++
									if got != nil {
										left++
									}
									if (got != nil) != (len(want) > 0) {
										t.Fatalf("%v: scan %v, search %v", row, got, want)
									}
									if got != nil && !strings.Contains(","+strings.Join(want, ",")+",", ","+got.Name+",") {
										t.Fatalf("%v: scan by %s, search by %v", row, got.Name, want)
									}
								}
							}
						}
					}
				}
			}
		}
	}
	t.Logf("%d entries, %d rows, %d left out", n, compared, left)
	if left == 0 || left == compared {
		t.Error("the grid shows nothing")
	}
}

// TestShipped: the file of the app loads, and its example does nothing.
func TestShipped(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "..", "app", "lookups", "kubeanon_allowlist.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	list, err := allowlist.Load(f)
	if err != nil || len(list) != 1 {
		t.Fatal(list, err)
	}
	if e := list.Match(request("192.0.2.1", "/", "", "get", "", "", "", "denied"), day); e != nil {
		t.Errorf("%s leaves something out", e.Name)
	}
}
