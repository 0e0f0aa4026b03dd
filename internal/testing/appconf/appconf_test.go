package appconf

import (
	"encoding/json"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeanon/kubeanon/internal/collect"
	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/options"
	"github.com/kubeanon/kubeanon/internal/splunk/conf"
)

const root = "../../.."

// read reads a .conf file of the repository, which has to be right.
func read(t *testing.T, path string) conf.File {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	c, problems := parse(string(text))
	for _, p := range problems {
		t.Errorf("%s: %s", path, p)
	}
	return c
}

// parse reads a .conf file strictly: also with LF alone and without tabs.
func parse(text string) (c conf.File, problems []string) {
	if strings.ContainsAny(text, "\r\t") || !strings.HasSuffix(text, "\n") {
		problems = append(problems, "CR, a tab, or no line end at the end")
	}
	c, more := conf.Parse(text)
	return c, append(problems, more...)
}

func TestVersions(t *testing.T) {
	app := read(t, "default/app.conf")
	text, err := os.ReadFile(filepath.Join(root, "app/app.manifest"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Info struct {
			ID struct{ Name, Version string }
		}
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	version := app["launcher"]["version"]
	if app["id"]["version"] != version || manifest.Info.ID.Version != version {
		t.Errorf("versions: launcher %s, id %s, manifest %s", version, app["id"]["version"], manifest.Info.ID.Version)
	}
	if !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(version) || !regexp.MustCompile(`^[1-9]\d*$`).MatchString(app["install"]["build"]) {
		t.Errorf("version %q, build %q", version, app["install"]["build"])
	}
	if app["package"]["id"] != "kubeanon" || app["id"]["name"] != "kubeanon" || manifest.Info.ID.Name != "kubeanon" {
		t.Error("the app has more than one name")
	}
}

func TestCommands(t *testing.T) {
	commands := read(t, "default/commands.conf")
	valid := []string{"chunked", "filename", "is_risky", "maxwait", "maxchunksize", "run_in_preview", "command.arg.1"}
	for key := range commands["kubeanon"] {
		if !slices.Contains(valid, key) {
			t.Errorf("%s: not read by Splunk with chunked = true", key)
		}
	}
	want := map[string]string{"chunked": "true", "filename": "kubeanon", "command.arg.1": "search"}
	for key, value := range want {
		if got := commands["kubeanon"][key]; got != value {
			t.Errorf("%s = %s, want %s", key, got, value)
		}
	}
}

// TestMacros: the macros of the contract are there, and filters let all pass.
func TestMacros(t *testing.T) {
	macros := read(t, "default/macros.conf")
	for _, name := range []string{"kube_audit", "kubeanon_events", "kubernetes_aws_detect_suspicious_kubectl_calls_filter", "kubeanon_filter", "kubeanon_seed"} {
		if macros[name]["definition"] == "" {
			t.Errorf("no macro %s", name)
		}
	}
	for name, macro := range macros {
		if got := macro["definition"]; strings.HasSuffix(name, "_filter") && got != "search *" {
			t.Errorf("%s = %s", name, got)
		}
	}
}

// TestSeedMacro: the macro counts by the 13 original fields, and they are ours.
func TestSeedMacro(t *testing.T) {
	definition := read(t, "default/macros.conf")["kubeanon_seed"]["definition"]
	command, by, ok := strings.Cut(definition, " | stats count by ")
	if !ok {
		t.Fatalf("%q", definition)
	}
	words := strings.Fields(command)
	if words[0] != "kubeanon" {
		t.Errorf("%q", command)
	}
	if _, err := options.Parse(words[1:]); err != nil {
		t.Error(err)
	}
	var want []string
	for _, f := range detect.Fields {
		if f.Original {
			want = append(want, f.Name)
		}
	}
	if diff := cmp.Diff(want, strings.Fields(by)); diff != "" || len(want) != 13 {
		t.Errorf("%d fields\n%s", len(want), diff)
	}
}

func emitted(field string) bool {
	return slices.ContainsFunc(detect.Fields, func(f detect.Field) bool { return f.Name == field })
}

// TestSearchbnf: the help in Splunk's search bar names every option and no
// other, and its examples are valid.
func TestSearchbnf(t *testing.T) {
	bnf := read(t, "default/searchbnf.conf")
	var want, got []string
	for _, o := range options.Table {
		want = append(want, o.Name)
	}
	for _, m := range regexp.MustCompile(`<kubeanon-([a-z-]+)>`).FindAllStringSubmatch(bnf["kubeanon-option"]["syntax"], -1) {
		name := strings.ReplaceAll(m[1], "-", "_")
		got = append(got, name)
		stanza := bnf["kubeanon-"+m[1]]
		if !strings.HasPrefix(stanza["syntax"], name+"=") || stanza["description"] == "" {
			t.Errorf("[kubeanon-%s]: %v", m[1], stanza)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	help := bnf["kubeanon-command"]
	for _, key := range []string{"syntax", "shortdesc", "description", "usage", "example1", "comment1", "example2", "comment2", "example3", "comment3", "tags", "related"} {
		if help[key] == "" {
			t.Errorf("no %s", key)
		}
	}
	for _, key := range []string{"example1", "example2", "example3"} {
		for part := range strings.SplitSeq(help[key], "|") {
			words := strings.Fields(part)
			if len(words) > 0 && words[0] == "kubeanon" {
				if _, err := options.Parse(words[1:]); err != nil {
					t.Errorf("%s: %v", key, err)
				}
			}
			if len(words) > 0 && words[0] == "table" {
				for _, field := range words[1:] {
					if field != "_time" && !emitted(field) {
						t.Errorf("%s: no field %s", key, field)
					}
				}
			}
		}
	}
}

// TestInput: the specification of the input names the settings that the input
// tells splunkd, and no other; nothing is configured by default.
func TestInput(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "app/README/inputs.conf.spec"))
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, m := range regexp.MustCompile(`(?m)^([a-z_]+) = `).FindAllStringSubmatch(string(text), -1) {
		got = append(got, m[1])
	}
	for _, arg := range collect.Scheme.Args {
		want = append(want, arg.Name)
	}
	if diff := cmp.Diff(want, got); diff != "" || !strings.HasPrefix(string(text), "[kubeanon://<name>]\n") {
		t.Error(diff)
	}
	inputs := read(t, "default/inputs.conf")
	if len(inputs) != 1 || inputs["kubeanon"]["start_by_shell"] != "false" {
		t.Errorf("%v", inputs)
	}
}

// TestExports: what other apps and Enterprise Security use is exported.
func TestExports(t *testing.T) {
	meta := read(t, "app/metadata/default.meta")
	for _, kind := range []string{"commands", "searchbnf", "macros", "props", "savedsearches", "transforms", "lookups", "eventtypes", "tags"} {
		if meta[kind]["export"] != "system" {
			t.Errorf("%s are not exported", kind)
		}
	}
	if access := meta[""]["access"]; !strings.Contains(access, "write : [ admin, sc_admin ]") {
		t.Errorf("access = %s", access)
	}
}

func TestIcons(t *testing.T) {
	for name, size := range map[string]int{"appIcon": 36, "appIcon_2x": 72, "appIconAlt": 36, "appIconAlt_2x": 72} {
		f, err := os.Open(filepath.Join(root, "app/static", name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		icon, err := png.DecodeConfig(f)
		f.Close()
		if err != nil || icon.Width != size || icon.Height != size {
			t.Errorf("%s: %dx%d, %v", name, icon.Width, icon.Height, err)
		}
	}
}

// TestDeclaration: the package's README names the binary and its source, as
// Splunk's vetting asks for.
func TestDeclaration(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "app/README.md"))
	if err != nil || !strings.Contains(string(text), "\n# Binary File Declaration\n") || !strings.Contains(string(text), "bin/kubeanon") {
		t.Error("no declaration", err)
	}
}
