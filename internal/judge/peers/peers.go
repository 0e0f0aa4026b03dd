// Package peers restates the rules of other products for anonymous requests as
// plain conditions, so that they can be compared on the same events. They are
// restated from their public sources, in our own words; each names its source
// and the date of the version that was read. A rule is taken to fire whatever
// severity it gives.
package peers

import (
	"slices"
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// Rule is a rule of another product.
type Rule struct {
	Name      string
	Source    string // repository and file or rule id
	Date      string // of the version that was read
	Condition string // in words
	Fires     func(*audit.Event) bool
}

// Rules lists the rules. It is to be read only.
var Rules = []Rule{
	{
		Name: "ESCU seed", Source: "splunk/security_content, Kubernetes AWS detect suspicious kubectl calls (042a3d32)", Date: "2024-10-24",
		Condition: "user is system:anonymous and groups hold system:unauthenticated (before its stats, which drop every row)",
		Fires: func(ev *audit.Event) bool {
			return strings.EqualFold(ev.User.Username, audit.Anonymous) && slices.ContainsFunc(ev.User.Groups, func(g string) bool { return strings.EqualFold(g, audit.Unauthenticated) })
		},
	},
	{
		Name: "ESCU 403", Source: "splunk/security_content, Kubernetes Scanning by Unauthenticated IP Address (f9cadf4e)", Date: "2024-10-24",
		Condition: "groups hold system:unauthenticated and the code is 403 (before its count and its iplocation)",
		Fires: func(ev *audit.Event) bool {
			return slices.Contains(ev.User.Groups, audit.Unauthenticated) && ev.ResponseStatus.HTTPCode() == 403
		},
	},
	{
		Name: "Falco", Source: "falcosecurity/plugins, k8s_audit_rules.yaml, Anonymous Request Allowed", Date: "2026-08-04",
		Condition: "stage ResponseComplete, user is system:anonymous, decision allow, path is no health path",
		Fires: func(ev *audit.Event) bool {
			return ev.Stage == "ResponseComplete" && ev.User.Username == audit.Anonymous && ev.Annotations.Decision == "allow" &&
				!slices.Contains([]string{"/healthz", "/livez", "/readyz"}, pathOf(ev))
		},
	},
	{
		Name: "Elastic", Source: "elastic/detection-rules, Kubernetes Anonymous Request Authorized by Unusual User Agent (63c057cc)", Date: "2026-08-21",
		Condition: "decision allow, user is anonymous or missing, a user agent that does not end in kubernetes/$Format, URI is no health path, version or OAuth metadata",
		Fires: func(ev *audit.Event) bool {
			return ev.Annotations.Decision == "allow" && slices.Contains([]string{audit.Anonymous, audit.Unauthenticated, ""}, ev.User.Username) &&
				ev.UserAgent != "" && !strings.HasSuffix(ev.UserAgent, "kubernetes/$Format") &&
				!begins(ev.RequestURI, "/healthz", "/livez", "/readyz") && ev.RequestURI != "/version" && ev.RequestURI != "/.well-known/oauth-authorization-server"
		},
	},
	{
		Name: "Panther", Source: "panther-labs/panther-analysis, Kubernetes.API.AnonymousAccess", Date: "2026-07-01",
		Condition: "user is system:anonymous; not from 127.0.0.1 alone, not with the user agent of a prober, no health path",
		Fires: func(ev *audit.Event) bool {
			return ev.User.Username == audit.Anonymous && !slices.Equal(ev.SourceIPs, []string{"127.0.0.1"}) && !begins(ev.UserAgent, "kube-probe/", "GoogleHC/") &&
				!(ev.UserAgent == "ELB-HealthChecker/2.0" && len(ev.SourceIPs) > 0 && begins(ev.SourceIPs[0], "10.0.")) && !begins(ev.RequestURI, "/healthz", "/livez", "/readyz")
		},
	},
	{
		Name: "Panther EKS", Source: "panther-labs/panther-analysis, Amazon.EKS.AnonymousAPIAccess", Date: "2026-07-01",
		Condition: "user is system:anonymous; not a load balancer's user agent with a private first address",
		Fires: func(ev *audit.Event) bool {
			return ev.User.Username == audit.Anonymous && !(begins(ev.UserAgent, "ELB-HealthChecker") && len(ev.SourceIPs) > 0 && begins(ev.SourceIPs[0], "10.", "172.16.", "192.168."))
		},
	},
	{
		Name: "Sigma", Source: "SigmaHQ/sigma, Kubernetes Unauthorized or Unauthenticated Access (0d933542)", Date: "2026-08-05",
		Condition: "the code is 401 or 403, any user",
		Fires: func(ev *audit.Event) bool {
			return ev.ResponseStatus.HTTPCode() == 401 || ev.ResponseStatus.HTTPCode() == 403
		},
	},
	{
		Name: "Datadog", Source: "docs.datadoghq.com, kubernetes-anonymous-request-authorized", Date: "2024-05-07",
		Condition: "the code is 100 to 299, user is system:anonymous, path is not /livez or /readyz",
		Fires: func(ev *audit.Event) bool {
			code := ev.ResponseStatus.HTTPCode()
			return code >= 100 && code <= 299 && ev.User.Username == audit.Anonymous && !slices.Contains([]string{"/livez", "/readyz"}, pathOf(ev))
		},
	},
}

func pathOf(ev *audit.Event) string {
	path, _, _ := strings.Cut(ev.RequestURI, "?")
	return path
}

func begins(s string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) })
}
