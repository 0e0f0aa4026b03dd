package options_test

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/options"
)

func TestParse(t *testing.T) {
	f := func(want func(*options.Options), words ...string) {
		t.Helper()
		o := options.Default()
		want(&o)
		got, err := options.Parse(words)
		if err != nil {
			t.Errorf("%q: %v", words, err)
			return
		}
		if diff := cmp.Diff(o, got, cmpopts.IgnoreUnexported(options.Options{}), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
			t.Errorf("%q (-want +got)\n%s", words, diff)
		}
	}
	f(func(*options.Options) {})
	f(func(o *options.Options) { o.Input = options.Raw }, "input=raw")
	f(func(o *options.Options) {
		o.Policy.Strict, o.Policy.Flat, o.Policy.AllSrcIPs, o.All = true, true, true, true
	}, "match=strict", "risk=flat", "src_ip=all", "emit=all")
	f(func(o *options.Options) { o.Fill = "" }, "fillvalue=")
	f(func(o *options.Options) { o.Fill = "n/a = none" }, "fillvalue=n/a = none")
	f(func(o *options.Options) { o.Policy.Flat, o.Policy.Impact, o.Policy.Confidence = true, 0, 100 }, "impact=0", "risk=flat", "confidence=100")
	both := func(o *options.Options) {
		o.Policy.Include = []judge.Class{judge.Rejected401, judge.ImpersonatedAnonymous}
	}
	f(both, "include=rejected_401,impersonated_anonymous")
	f(both, "include=rejected_401", "impersonated_anonymous") // as it arrives without its comma
	f(both, "include=rejected_401, impersonated_anonymous")
	f(both, "include=rejected_401", "include=impersonated_anonymous", "include=rejected_401")
	f(func(o *options.Options) {
		o.Policy.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("10.1.0.0/16")}
	}, "trusted_proxies=10.1.2.3/8", "192.0.2.1", "2001:db8::/32", "::ffff:10.1.0.0/112")
}

// TestErrors: one line that names the option, the value and what is allowed.
func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		words []string
		want  string
	}{
		{[]string{"match=all"}, `match="all" is not valid; allowed: any, strict`},
		{[]string{"match="}, `match= has no value; allowed: any, strict`},
		{[]string{"include=x"}, `include="x" is not valid; allowed: impersonated_anonymous, rejected_401, anonymous_access_granted, everyone_authenticated`},
		{[]string{"include="}, `include= has no value; allowed: <class,...>`},
		{[]string{"trusted_proxies=10.0.0.0/33"}, `trusted_proxies="10.0.0.0/33" is not valid; allowed: addresses and networks such as 10.0.0.0/8 or 2001:db8::1`},
		{[]string{"impact=101"}, `impact="101" is not valid; allowed: a whole number from 0 to 100`},
		{[]string{"impact=50"}, `risk="graded" is not valid; allowed: flat, since impact= or confidence= is given`},
		{[]string{"nonsense=1"}, `unknown option "nonsense"; allowed: input=, match=, risk=, src_ip=, emit=, include=, impact=, confidence=, fillvalue=, trusted_proxies=`},
		{[]string{"word"}, `unknown option "word"; allowed: input=, match=, risk=, src_ip=, emit=, include=, impact=, confidence=, fillvalue=, trusted_proxies=`},
		{[]string{"include=rejected_401", "word"}, `unknown option "word"; allowed: input=, match=, risk=, src_ip=, emit=, include=, impact=, confidence=, fillvalue=, trusted_proxies=`},
		{[]string{"include=rejected_401", "match=any", "impersonated_anonymous"}, `unknown option "impersonated_anonymous"; allowed: input=, match=, risk=, src_ip=, emit=, include=, impact=, confidence=, fillvalue=, trusted_proxies=`},
	} {
		_, err := options.Parse(tc.words)
		if err == nil || err.Error() != tc.want {
			t.Errorf("%q: got %v, want %s", tc.words, err, tc.want)
		}
	}
}

// TestReadme: README.md has a line for every option.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## Options\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, o := range options.Table {
		if !strings.Contains(table, "`"+o.Name+"`") {
			t.Errorf("README.md does not name the option %s", o.Name)
		}
	}
}
