package internal_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/kubeanon/kubeanon/internal/"

// layers is the one direction of dependency: for each package, which others of
// this module it may import, directly or not. Splunk's wire knows no
// Kubernetes; audit and judgement know no Splunk; only command, demo, input,
// doctor and cli know both.
var layers = map[string][]string{
	"version": {}, "logfile": {}, "splunk/chunk": {}, "splunk/rows": {}, "audit": {},
	"splunk/modinput": {}, "splunk/trust": {}, "splunk/conf": {}, "testing/fakehec": {}, "collect/checkpoint": {}, "collect/tail": {}, "collect/spool": {}, "collect/cloudwatch": {},
	"splunk/passwords": {"splunk/trust"}, "splunk/hec": {"splunk/trust"}, "splunk/export": {"splunk/trust"},
	"collect/webhook": {"audit"},
	"collect":         {"splunk/modinput", "splunk/passwords", "splunk/hec", "splunk/trust", "collect/checkpoint", "collect/tail", "collect/spool", "collect/webhook", "collect/cloudwatch", "detect/allowlist", "audit", "audit/envelope", "judge", "detect", "detect"},
	"splunk/search":   {"splunk/chunk", "splunk/rows"},
	"splunk/splunkd":  {"splunk/search", "splunk/chunk", "splunk/rows"},
	"audit/envelope":  {"audit"},
	"judge":           {"audit"},
	"detect":          {"audit", "judge"},
	"options":         {"audit", "judge"},
	"detect":          {"audit", "audit/envelope", "judge", "detect"},
	"replay":          {"logfile", "splunk/hec", "splunk/trust", "splunk/scs"},
	"splunk/scs":      {"splunk/trust"}, "testing/fakescs": {}, "testing/fakerest": {},
	"scan":             {"logfile", "audit", "audit/envelope", "judge", "detect", "detect"},
	"detect/allowlist": {"audit", "judge", "detect"},
	"report":           {"version", "audit", "judge", "detect"},
	"command":          {"audit", "audit/envelope", "judge", "detect", "detect", "options", "splunk/chunk", "splunk/rows", "splunk/search"},
	"doctor":           nil, // it looks at all faces of Splunk
	"demo":             {"splunk/chunk", "splunk/rows", "splunk/search", "splunk/splunkd"},
	"detect/cases":     {"audit", "audit/envelope", "judge", "detect", "detect"},
	"judge/peers":      {"audit"},
	"explain":          {"audit", "judge", "detect", "judge/peers"},
	"cli":              nil,                      // all of them
	"testing/corpus":   {}, "testing/ledger": {}, // for tests only
	"testing/bench": {"splunk/chunk", "splunk/rows", "splunk/search", "splunk/splunkd"},
}

// pure packages do no I/O: these they must not even import.
var (
	pure = []string{"audit", "audit/envelope", "judge", "detect", "detect", "options"}
	io   = []string{"os", "net", "net/http", "os/exec", "bufio", "log", "log/slog"}
)

// only says which packages alone may import a module.
var only = map[string][]string{
	"github.com/json-iterator/go":           {"audit"},
	"github.com/urfave/cli/v2":              {"cli"},
	"github.com/jedib0t/go-pretty/v6/":      {"report", "demo", "cli"},
	"github.com/klauspost/compress":         {"logfile"},
	"golang.org/x/sys/cpu":                  {"audit"},
	"golang.org/x/term":                     {"cli"},
	"golang.org/x/time/rate":                {"collect/cloudwatch", "replay", "cli"},
	"go.yaml.in/yaml/v3":                    {"replay"},
	"github.com/splunk/splunk-cloud-sdk-go": {"splunk/scs"},
	"github.com/aws/":                       {"collect/cloudwatch"},
	"golang.org/x/sys/unix":                 {"cli", "collect/checkpoint", "splunk/modinput"},
	"golang.org/x/sys/windows":              {"collect/checkpoint"},
}

func goList(t *testing.T, format string, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-f", format}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	return strings.Fields(string(out))
}

func TestLayers(t *testing.T) {
	// One line for each package; a call for each would take a second each.
	packages := goList(t, `{{.ImportPath}};{{join .Deps ","}};{{join .Imports ","}}`, module+"...")
	for _, pkg := range packages {
		parts := strings.Split(pkg, ";")
		pkg, deps, imports := parts[0], strings.Split(parts[1], ","), strings.Split(parts[2], ",")
		name := strings.TrimPrefix(pkg, module)
		if pkg+"/" == module || name == "testing/appconf" {
			continue
		}
		allowed, known := layers[name]
		if !known {
			t.Errorf("%s: a new package needs a line in layers", name)
			continue
		}
		for _, dep := range deps {
			if inner, ok := strings.CutPrefix(dep, module); ok && allowed != nil && !slices.Contains(allowed, inner) {
				t.Errorf("%s must not depend on %s", name, inner)
			}
		}
		for _, dep := range imports {
			if slices.Contains(pure, name) && slices.Contains(io, dep) {
				t.Errorf("%s must do no I/O, but imports %s", name, dep)
			}
			for path, owners := range only {
				if strings.HasPrefix(dep, path) && !slices.Contains(owners, name) {
					t.Errorf("%s must not import %s", name, dep)
				}
			}
		}
	}
	if len(packages) < len(layers) {
		t.Errorf("%d packages, but %d lines in layers", len(packages), len(layers))
	}
}

// TestMainIsThin: main is one statement: nothing but cli decides how the process ends.
func TestMainIsThin(t *testing.T) {
	if deps := goList(t, `{{join .Imports "\n"}}`, "github.com/kubeanon/kubeanon/cmd/kubeanon"); !slices.Equal(deps, []string{module + "cli", "os"}) {
		t.Errorf("main imports %v", deps)
	}
}
