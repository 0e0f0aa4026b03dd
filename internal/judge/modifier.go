package judge

import (
	"slices"
	"strconv"
	"strings"
)

// modifier is one thing that raises or lowers the numbers of a category.
// Whatever rests on text that a client puts beside its request only raises.
type modifier struct {
	factor     string // the name in risk_factors
	impact     int
	confidence int
	when       func(*facts, *Category) bool
	text       string // what stands in risk_factors; filled by init
}

func init() {
	for i := range modifiers {
		modifiers[i].text = modifiers[i].String()
	}
}

func (m *modifier) String() string {
	text := m.factor
	switch {
	case m.impact > 0:
		text += " impact+" + strconv.Itoa(m.impact)
	case m.impact < 0:
		text += " impact" + strconv.Itoa(m.impact)
	}
	switch {
	case m.confidence > 0:
		text += " confidence+" + strconv.Itoa(m.confidence)
	case m.confidence < 0:
		text += " confidence" + strconv.Itoa(m.confidence)
	}
	return text
}

// What user agents call themselves, in lower case. A scanner's name may stand
// anywhere; a probe's or a script's stands at the beginning.
var (
	scanners = []string{
		"kube-hunter", "kubehunter", "masscan", "zgrab", "censys", "shodan", "nuclei", "nmap", "internetmeasurement", "expanse", "l9explore",
		"leakix", "kubescape", "peirates", "cdk/", "odin", "netcraft", "projectdiscovery",
	}
	probes  = []string{"kube-probe/", "googlehc/", "elb-healthchecker/", "aws security scanner"}
	scripts = []string{"curl", "wget", "python-requests", "python-urllib", "aiohttp", "go-http-client", "okhttp", "axios", "node-fetch", "httpie", "libwww-perl", "java/"}
)

// agentHas reports whether the user agent holds one of the words.
func (f *facts) agentHas(words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(f.agent, word) })
}

// agentBegins reports whether the user agent begins with one of the words.
func (f *facts) agentBegins(words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(f.agent, word) })
}

var modifiers = []modifier{
	{
		factor: "system_namespace", impact: +10,
		when: func(f *facts, c *Category) bool { return f.namespace == "kube-system" && !c.benign },
	},
	{
		factor: "public_source", confidence: +5,
		when: func(f *facts, c *Category) bool { return f.scope == public && !c.health },
	},
	{
		// Noise of load balancers and pods. The address is the one that the
		// server saw, and a request that was let in is never lowered.
		factor: "private_source_refused", confidence: -10,
		when: func(f *facts, _ *Category) bool { return f.scope == private && !f.allowed() },
	},
	{
		factor: "scanner_user_agent", confidence: +10,
		when: func(f *facts, c *Category) bool {
			return !(c.health && f.allowed()) && f.agentHas(scanners)
		},
	},
	{
		factor: "probe_user_agent_elsewhere", confidence: +10, // a probe's name where no probe looks
		when: func(f *facts, c *Category) bool {
			return !c.benign && !c.noise && !f.harmless() && f.agentBegins(probes)
		},
	},
	{
		// No answer yet, or the server was too busy for one; but what was asked
		// for is what every cluster answers to anybody.
		factor: "harmless_path", impact: -40, confidence: -30,
		when: func(f *facts, c *Category) bool { return c.Name == unknownOutcome && f.harmless() },
	},
	{
		factor: "forged_forwarded_for", confidence: +5,
		when: func(f *facts, _ *Category) bool { return f.xffSuspect },
	},
	{
		factor: "acted_as_administrator", impact: +30, confidence: +15,
		when: func(f *facts, c *Category) bool { return c.Name == impersonation && f.actsAsAdministrator() },
	},
	{
		factor: "gke_no_principal", // a label: the record names nobody
		when:   func(f *facts, _ *Category) bool { return f.ev.NoPrincipal },
	},
	{
		factor: "scripted_user_agent", // a label: kube-hunter calls itself python-requests
		when:   func(f *facts, _ *Category) bool { return f.agentBegins(scripts) },
	},
}
