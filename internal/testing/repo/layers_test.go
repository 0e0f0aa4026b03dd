package repo_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	root   = "../../.."
	module = "github.com/kubeanon/kubeanon/"
)

// layers is the one direction of dependency: for each package of the product
// below internal, which others it may depend on, directly or not. Splunk's wire
// knows no Kubernetes; audit and judgement know no Splunk; only command,
// collect, doctor and cli know both.
var layers = map[string][]string{
	"version": {}, "logfile": {}, "audit": {}, "retry": {},
	"splunk/chunk": {}, "splunk/rows": {}, "splunk/modinput": {}, "splunk/trust": {}, "splunk/conf": {},
	"splunk/passwords": {"splunk/trust"}, "splunk/hec": {"splunk/trust", "retry"}, "splunk/export": {"splunk/trust"}, "splunk/scs": {"splunk/trust", "retry"},
	"splunk/search":  {"splunk/chunk", "splunk/rows"},
	"splunk/splunkd": {"splunk/search", "splunk/chunk", "splunk/rows"},

	"audit/envelope":   {"audit"},
	"judge":            {"audit"},
	"judge/peers":      {"audit"},
	"options":          {"audit", "judge"},
	"detect":           {"audit", "audit/envelope", "judge"},
	"detect/allowlist": {"audit", "audit/envelope", "judge", "detect"},
	"detect/cases":     {"audit", "audit/envelope", "judge", "detect"},
	"explain":          {"audit", "audit/envelope", "judge", "judge/peers", "detect"},
	"report":           {"version", "audit", "audit/envelope", "judge", "detect"},
	"scan":             {"logfile", "audit", "audit/envelope", "judge", "detect"},

	"collect/disk": {}, "collect/cloudwatch": {"retry"},
	"collect/checkpoint": {"collect/disk"}, "collect/spool": {"collect/disk"}, "collect/tail": {},
	"collect/webhook": {"audit"},
	"collect": {
		"retry",
		"collect/checkpoint", "collect/tail", "collect/spool", "collect/cloudwatch", "collect/webhook", "collect/disk",
		"splunk/modinput", "splunk/passwords", "splunk/hec", "splunk/trust",
		"audit", "audit/envelope", "judge", "detect", "detect/allowlist",
	},

	"replay":  {"logfile", "retry", "splunk/hec", "splunk/trust", "splunk/scs"},
	"command": {"audit", "audit/envelope", "judge", "detect", "options", "splunk/chunk", "splunk/rows", "splunk/search"},
	"demo":    {"splunk/chunk", "splunk/rows", "splunk/search", "splunk/splunkd"},
	"doctor":  nil, // it looks at all faces of Splunk
	"cli":     nil, // all of them
}

// pure packages do no I/O: these they must not even import.
var (
	pure = []string{"audit", "audit/envelope", "judge", "detect", "options"}
	doIO = []string{"os", "net", "net/http", "os/exec", "bufio", "log", "log/slog"}
)

// only says which packages alone may import a module.
var only = map[string][]string{
	"github.com/json-iterator/go":           {"audit"},
	"github.com/urfave/cli/v2":              {"cli"},
	"github.com/jedib0t/go-pretty/v6/":      {"report", "demo", "cli"},
	"github.com/klauspost/compress":         {"logfile"},
	"github.com/ulikunitz/xz":               {"logfile"},
	"golang.org/x/text/":                    {"logfile"},
	"golang.org/x/sys/cpu":                  {"audit"},
	"golang.org/x/term":                     {"cli"},
	"golang.org/x/time/rate":                {"collect/cloudwatch", "replay", "cli"},
	"go.yaml.in/yaml/v3":                    {"replay"},
	"github.com/splunk/splunk-cloud-sdk-go": {"splunk/scs"},
	"github.com/aws/":                       {"collect/cloudwatch"},
	"golang.org/x/sys/unix":                 {"cli", "collect/disk", "splunk/modinput"},
	"golang.org/x/sys/windows":              {"collect/disk"},
}

// pkg is a package and what its product code imports, tests aside. Packages of
// this module are named from its root: "./internal/judge".
type pkg struct {
	name          string
	imports, deps []string
}

func goList(t *testing.T, format string, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-f", format}, args...)...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	return strings.Fields(string(out))
}

// packages lists those that a pattern names.
func packages(t *testing.T, args ...string) (all []pkg) {
	t.Helper()
	// One call for all; one for each would take a second each.
	for _, line := range goList(t, `{{.ImportPath}};{{join .Imports ","}};{{join .Deps ","}}`, args...) {
		parts := strings.Split(strings.ReplaceAll(line, module, "./"), ";")
		all = append(all, pkg{parts[0], strings.Split(parts[1], ","), strings.Split(parts[2], ",")})
	}
	return all
}

// wrong says which imports break the rules.
func wrong(all []pkg) (problems []string) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for _, p := range all {
		for _, dep := range p.deps {
			if strings.HasPrefix(dep, "./testdata/") {
				say("%s depends on %s, but testdata holds data only", p.name, dep)
			}
		}
		name, inside := strings.CutPrefix(p.name, "./internal/")
		if !inside || strings.HasPrefix(name, "testing/") {
			continue
		}
		allowed, known := layers[name]
		if !known {
			say("%s: a new package needs a line in layers", name)
			continue
		}
		for _, dep := range p.deps {
			inner, ok := strings.CutPrefix(dep, "./internal/")
			switch {
			case !ok:
			case strings.HasPrefix(inner, "testing/"):
				say("%s must not depend on %s, which is for tests only", name, inner)
			case allowed != nil && !slices.Contains(allowed, inner):
				say("%s must not depend on %s", name, inner)
			}
		}
		for _, dep := range p.imports {
			if slices.Contains(pure, name) && slices.Contains(doIO, dep) {
				say("%s must do no I/O, but imports %s", name, dep)
			}
			for path, owners := range only {
				if strings.HasPrefix(dep, path) && !slices.Contains(owners, name) {
					say("%s must not import %s", name, dep)
				}
			}
		}
	}
	return problems
}

// TestLayers: every import goes the one way, and each rule sees an import that
// was planted against it.
func TestLayers(t *testing.T) {
	all := packages(t, "./...")
	for _, problem := range wrong(all) {
		t.Error(problem)
	}
	listed := map[string]bool{}
	for _, p := range all {
		listed[p.name] = true
	}
	for name := range layers {
		if !listed["./internal/"+name] {
			t.Errorf("layers has a line for %s, which is no package", name)
		}
	}
	for _, p := range packages(t, "-deps", "./cmd/kubeanon") {
		if strings.HasPrefix(p.name, "./") && !listed[p.name] {
			t.Errorf("%s is linked, but go list ./... does not see it", p.name)
		}
	}
	for want, planted := range map[string]pkg{
		"judge must not depend on splunk/rows":                                 {name: "./internal/judge", deps: []string{"./internal/audit", "./internal/splunk/rows"}},
		"splunk/chunk must not depend on audit":                                {name: "./internal/splunk/chunk", deps: []string{"./internal/audit"}},
		"scan must not depend on testing/corpus, which is for tests only":      {name: "./internal/scan", deps: []string{"./internal/testing/corpus"}},
		"cli must not depend on testing/ledger, which is for tests only":       {name: "./internal/cli", deps: []string{"./internal/testing/ledger"}},
		"./internal/cli depends on ./testdata/x, but testdata holds data only": {name: "./internal/cli", deps: []string{"./testdata/x"}},
		"audit must do no I/O, but imports os":                                 {name: "./internal/audit", imports: []string{"os"}},
		"report must not import github.com/urfave/cli/v2":                      {name: "./internal/report", imports: []string{"github.com/urfave/cli/v2"}},
		"attic: a new package needs a line in layers":                          {name: "./internal/attic"},
	} {
		if got := wrong([]pkg{planted}); len(got) != 1 || got[0] != want {
			t.Errorf("planted in %s: %q, want %q", planted.name, got, want)
		}
	}
}

// TestMainIsThin: main is one statement: nothing but cli decides how the process ends.
func TestMainIsThin(t *testing.T) {
	if deps := goList(t, `{{join .Imports "\n"}}`, "./cmd/kubeanon"); !slices.Equal(deps, []string{module + "internal/cli", "os"}) {
		t.Errorf("main imports %v", deps)
	}
}

// misdrawn compares the picture of ARCHITECTURE.md with the packages below
// internal: each is drawn once, one floor above the highest that it imports, and
// those for tests in the cellar.
func misdrawn(architecture string, all []pkg) (problems []string) {
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	const cellar = -1
	imports := map[string][]string{}
	for _, p := range all {
		if name, ok := strings.CutPrefix(p.name, "./internal/"); ok {
			imports[name] = []string{}
			for _, dep := range p.imports {
				if inner, ok := strings.CutPrefix(dep, "./internal/"); ok {
					imports[name] = append(imports[name], inner)
				}
			}
		}
	}
	_, picture, _ := strings.Cut(architecture, "```\nfloor")
	picture, _, _ = strings.Cut(picture, "```")
	drawn, floor := map[string]int{}, cellar
	for line := range strings.Lines(picture) {
		for i, word := range strings.Fields(line) {
			if n, err := strconv.Atoi(word); err == nil && i == 0 {
				floor = n
			} else if word == "tests" && i == 0 {
				floor = cellar
			} else if imports[word] != nil {
				if _, twice := drawn[word]; twice {
					say("%s is drawn twice", word)
				}
				drawn[word] = floor
			} else if strings.Contains(word, "/") && word != "cmd/kubeanon" {
				say("%s is drawn, but is no package", word)
			}
		}
	}
	var height func(name string) int
	height = func(name string) (floor int) {
		for _, dep := range imports[name] {
			floor = max(floor, height(dep)+1)
		}
		return floor
	}
	for name := range imports {
		want := height(name)
		if strings.HasPrefix(name, "testing/") {
			want = cellar
		}
		if got, ok := drawn[name]; !ok {
			say("%s is not drawn", name)
		} else if got != want {
			say("%s is drawn on floor %d, but is on %d", name, got, want)
		}
	}
	return problems
}

// TestArchitecture: the picture of ARCHITECTURE.md is what go list says; a
// package that is taken out of it, or drawn elsewhere, is seen.
func TestArchitecture(t *testing.T) {
	content, err := os.ReadFile(root + "/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	begin := strings.Index(text, "```\nfloor")
	end := begin + strings.Index(text[begin:], "\n```")
	all := packages(t, "./internal/...")
	for _, problem := range misdrawn(text, all) {
		t.Errorf("ARCHITECTURE.md: %s", problem)
	}
	for _, p := range all {
		name := strings.TrimPrefix(p.name, "./internal/")
		without := text[:begin] + regexp.MustCompile(`(?m) `+name+`( |$)`).ReplaceAllString(text[begin:end], " $1") + text[end:]
		if want := name + " is not drawn"; !slices.Contains(misdrawn(without, all), want) {
			t.Errorf("without %s in the picture: %q does not come", name, want)
		}
	}
}
