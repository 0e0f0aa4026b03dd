package repo_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const program = "github.com/kubeanon/kubeanon/cmd/kubeanon"

// linked lists what packages are made of, on the systems that are released.
func linked(t *testing.T, format string, packages ...string) []string {
	t.Helper()
	all := map[string]bool{}
	for _, system := range []string{"linux", "windows", "darwin"} {
		cmd := exec.Command("go", append([]string{"list", "-deps", "-f", format}, packages...)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH=amd64", "GOOS="+system)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for line := range strings.FieldsSeq(string(out)) {
			all[line] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// licences tells licences by a sentence that stands in no other.
var licences = map[string][]string{
	"Apache-2.0":   {"Apache License"},
	"MIT":          {"Permission is hereby granted, free of charge"},
	"BSD-3-Clause": {"Redistribution and use in source and binary forms", "be used to endorse or promote products"},
	"BSD-2-Clause": {"Redistribution and use in source and binary forms"},
}

// copyleft licences must not be linked, nor what forbids some use.
var copyleft = []string{"GNU GENERAL PUBLIC", "GNU LESSER", "GNU AFFERO", "Mozilla Public License Version", "Server Side Public License", "Business Source License", "Commons Clause"}

// TestDependencies holds docs/dependencies.md against what is linked.
func TestDependencies(t *testing.T) {
	text, err := os.ReadFile("../../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	said := map[string][]string{}
	_, table, _ := strings.Cut(string(text), "\n| module | pinned |")
	table, _, _ = strings.Cut(table, "\n\n")
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) != 6 || !strings.Contains(cells[0], ".") {
			continue
		}
		if said[cells[0]] != nil || cells[5] == "" {
			t.Errorf("%s stands twice, or says not what for", cells[0])
		}
		said[cells[0]] = cells[1:5]
	}

	const modules = "{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}"
	search := append(linked(t, modules, module+"internal/command"), "github.com/urfave/cli/v2")
	input := linked(t, modules, module+"internal/collect")
	want := map[string][]string{}
	all := linked(t, modules, program)
	out, err := exec.Command("go", append([]string{"list", "-m", "-json"}, all...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
		var m struct {
			Path, Version, Dir string
			Time               time.Time
		}
		if err := d.Decode(&m); err != nil {
			t.Fatal(err)
		}
		face := "cli"
		if slices.Contains(input, m.Path) {
			face = "input " + face
		}
		if slices.Contains(search, m.Path) {
			face = "search " + face
		}
		licence := ""
		if len(said[m.Path]) > 2 {
			licence = said[m.Path][2]
		}
		checkLicence(t, m.Path, m.Dir, licence)
		want[m.Path] = []string{m.Version, m.Time.UTC().Format(time.DateOnly), licence, face}
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("docs/dependencies.md (-linked +said):\n%s", diff)
	}
}

// checkLicence holds what is said of a licence against the files of a module.
func checkLicence(t *testing.T, name, dir, said string) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "LICEN*"))
	var text strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(content)
	}
	flat := strings.Join(strings.Fields(text.String()), " ")
	var found []string
	for licence, sentences := range licences {
		if !slices.ContainsFunc(sentences, func(s string) bool { return !strings.Contains(flat, s) }) {
			found = append(found, licence)
		}
	}
	if slices.Contains(found, "BSD-3-Clause") { // whose text holds that of the other
		found = slices.DeleteFunc(found, func(s string) bool { return s == "BSD-2-Clause" })
	}
	listed := strings.Split(said, " and ")
	slices.Sort(found)
	slices.Sort(listed)
	if !slices.Equal(found, listed) {
		t.Errorf("%s: its files hold the licences %q, docs/dependencies.md says %q", name, found, listed)
	}
	for _, bad := range copyleft {
		if strings.Contains(flat, bad) {
			t.Errorf("%s: %s", name, bad)
		}
	}
}

// TestNotices: the package brings the licence of everything that is linked, also
// of packages that stand in the module of somebody else.
func TestNotices(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("NOT CHECKED: ./build.sh notices; bash is not installed")
	}
	out, err := exec.Command("../../../build.sh", "notices", "linux", "amd64").Output()
	if err != nil {
		t.Fatal(err)
	}
	files := 0
	for _, dir := range linked(t, "{{with .Module}}{{if not .Main}}{{$.Dir}}\n{{.Dir}}{{end}}{{end}}", program) {
		for _, pattern := range []string{"LICEN*", "COPYING*", "NOTICE*"} {
			names, _ := filepath.Glob(filepath.Join(dir, pattern))
			for _, name := range names {
				files++
				text, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(string(out), string(text)) {
					t.Errorf("%s is not among the notices", name)
				}
			}
		}
	}
	if files < 40 {
		t.Errorf("only %d licences were found", files)
	}
}
