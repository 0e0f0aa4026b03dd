package judge

import (
	"net/netip"
	"strings"
)

// scope says from where an address can be reached, as far as scores care.
type scope int

const (
	noScope scope = iota // absent, unparsable or link-local: changes no score
	private              // loopback, RFC 1918, ULA, and the two networks of special
	public               // everything else, documentation ranges included
)

// address strips a port and the brackets of an IPv6 address, which some
// proxies leave in a chain. What has no such form comes back as it is.
func address(s string) string {
	s = strings.TrimSpace(s)
	if rest, ok := strings.CutPrefix(s, "["); ok {
		if host, after, ok := strings.Cut(rest, "]"); ok && (after == "" || after[0] == ':') {
			return host
		}
		return s
	}
	if host, port, ok := strings.Cut(s, ":"); ok && strings.Count(host, ".") == 3 && !strings.Contains(port, ":") {
		return host
	}
	return s
}

// special are networks that nobody is reached in from the internet: shared
// address space, which EKS gives to pods (RFC 6598), and that of benchmarks (RFC
// 2544).
var special = []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("198.18.0.0/15")}

func scopeOf(s string) scope {
	ip, err := netip.ParseAddr(address(s))
	if err != nil {
		return noScope
	}
	ip = ip.Unmap()
	switch {
	case ip.IsLinkLocalUnicast(), ip.IsLinkLocalMulticast():
		return noScope
	case ip.IsLoopback(), ip.IsPrivate(), special[0].Contains(ip), special[1].Contains(ip):
		return private
	}
	return public
}

// hop picks the address that no client could forge from sourceIPs: the last,
// or with trusted proxies the last that is none of them. If all are trusted
// the request began at the first. The result is -1 if the list is empty.
func (p *Policy) hop(sourceIPs []string) int {
	for i := len(sourceIPs) - 1; i > 0; i-- {
		if !p.trusted(sourceIPs[i]) {
			return i
		}
	}
	return min(0, len(sourceIPs)-1)
}

func (p *Policy) trusted(s string) bool {
	if len(p.Proxies) == 0 {
		return false
	}
	ip, err := netip.ParseAddr(address(s))
	if err != nil {
		return false
	}
	ip = ip.Unmap().WithZone("")
	for _, proxy := range p.Proxies {
		if proxy.Contains(ip) {
			return true
		}
	}
	return false
}
