package judge

import (
	"net/netip"
	"slices"
)

// Policy holds the choices of a user. The zero value is not ready; start from
// DefaultPolicy.
type Policy struct {
	Strict     bool           // an identity needs both the name and the group
	Include    []Class        // classes that are no hits by default
	Flat       bool           // every hit has Impact and Confidence below
	Impact     int            // 0 to 100, with Flat
	Confidence int            // 0 to 100, with Flat
	AllSrcIPs  bool           // src_ip is the whole chain, as in the original search
	Proxies    []netip.Prefix // trusted proxies: addresses of these are passed over from the right
}

// The score of the original search, for every row: 50 * 50 / 100 = 25.
const (
	flatImpact     = 50
	flatConfidence = 50
)

// DefaultPolicy is what a search without options does.
func DefaultPolicy() Policy {
	return Policy{Impact: flatImpact, Confidence: flatConfidence}
}

// Includes reports whether rows of class c are asked for.
func (p *Policy) Includes(c Class) bool {
	return slices.Contains(p.Include, c)
}
