package repo_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// repository is what documents may name: the functions of tests by package, the
// files, the folders of internal and the commands of build.sh.
type repository struct {
	tests    map[string][]string // packages below internal, by name of a function
	files    map[string]bool     // and folders, from the root
	commands []string
}

func readRepository(t *testing.T) *repository {
	t.Helper()
	r := &repository{tests: map[string][]string{}, files: map[string]bool{}}
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark|Example)\w*)\(`)
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		path := strings.TrimPrefix(filepath.ToSlash(name), root+"/")
		if entry.IsDir() && slices.Contains([]string{".git", "build", "dist", "bin"}, path) {
			return fs.SkipDir
		}
		r.files[path] = true
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		pkg := strings.TrimSuffix(path[:strings.LastIndex(path, "/")+1], "/")
		for _, m := range function.FindAllStringSubmatch(string(text), -1) {
			r.tests[m[1]] = append(r.tests[m[1]], pkg)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	script, err := os.ReadFile("../../../build.sh")
	if err != nil {
		t.Fatal(err)
	}
	_, cases, _ := strings.Cut(string(script), "case ${1:-} in")
	for _, m := range regexp.MustCompile(`(?m)^([a-z0-9 |-]+)\)`).FindAllStringSubmatch(cases, -1) {
		for name := range strings.SplitSeq(m[1], "|") {
			r.commands = append(r.commands, strings.TrimSpace(name))
		}
	}
	return r
}

var (
	// claimed are tests of one package, as "`TestA`, `FuzzB` and `TestC` in
	// internal/x". A part of a test is named behind a slash.
	claimed = regexp.MustCompile("((?:`?(?:Test|Fuzz)\\w+(?:/\\w+)?`?(?:, | and |, `\\w+`, | ))*`?(?:Test|Fuzz)\\w+(?:/\\w+)?`?)(?:,? in| \\()? ?(internal(?:/[\\w/]+)?)")
	named   = regexp.MustCompile(`\b((?:Test|Fuzz|Benchmark)[A-Z]\w*)(?:/(\w+))?`)
	paths   = regexp.MustCompile(`(?:^|[\s"'(\x60|])((?:\./)?(?:internal|cmd|docs|default|app|testdata|\.ci)/[\w./<>*-]*[\w>*])`)
	links   = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	tops    = regexp.MustCompile(`\b([A-Z]{4,}\.md|build\.sh|go\.(?:mod|sum))\b`)
	builds  = regexp.MustCompile(`build\.sh (\w+)`)
)

// missing lists what a document names and the repository has not.
func (r *repository) missing(text string) (problems []string) {
	has := func(path string) bool {
		path = strings.TrimSuffix(strings.TrimPrefix(path, "./"), "/...")
		if r.files[strings.TrimSuffix(path, "/")] {
			return true
		}
		if !strings.ContainsAny(path, "<*") {
			return false
		}
		pattern := regexp.MustCompile("^" + regexp.MustCompile(`<\w+>|\\\*`).ReplaceAllString(regexp.QuoteMeta(path), `[^/]+`) + "$")
		return slices.ContainsFunc(slices.Collect(maps.Keys(r.files)), pattern.MatchString)
	}
	for _, m := range named.FindAllStringSubmatch(text, -1) {
		switch {
		case r.tests[m[1]] == nil:
			problems = append(problems, "there is no test "+m[1])
		case m[1] == "TestScripts" && m[2] != "" && !has("internal/cli/testdata/script/"+m[2]+".txtar"):
			problems = append(problems, "there is no script "+m[2])
		}
	}
	// A line may break between a test and its package.
	for _, m := range claimed.FindAllStringSubmatch(strings.Join(strings.Fields(text), " "), -1) {
		for _, test := range named.FindAllStringSubmatch(m[1], -1) {
			if pkg := strings.TrimSuffix(m[2], "/"); r.tests[test[1]] != nil && !slices.Contains(r.tests[test[1]], pkg) {
				problems = append(problems, test[1]+" is not in "+pkg+", but in "+strings.Join(r.tests[test[1]], ", "))
			}
		}
	}
	for _, pattern := range []*regexp.Regexp{paths, tops} {
		for _, m := range pattern.FindAllStringSubmatch(text, -1) {
			if !has(m[1]) {
				problems = append(problems, "there is no "+m[1])
			}
		}
	}
	for _, m := range builds.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(r.commands, m[1]) {
			problems = append(problems, "build.sh has no command "+m[1])
		}
	}
	return problems
}

// TestDocs: what the documents name is there.
func TestDocs(t *testing.T) {
	r := readRepository(t)
	files, err := filepath.Glob("../../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"SECURITY.md", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"} {
		files = append(files, filepath.Join(root, name))
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range r.missing(string(text)) {
			t.Errorf("%s: %s", filepath.Base(file), problem)
		}
		for _, m := range links.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(file), m[1])); err != nil {
				t.Errorf("%s: a link: %v", filepath.Base(file), err)
			}
		}
	}

	for text, want := range map[string]string{
		"`TestLayers` in internal/testing/repo, docs/setup.md, `./build.sh check`, README.md, internal/audit/envelope/<format>.go": "",
		"`TestNowhere`": "there is no test TestNowhere",
		"`TestDull`, `FuzzDull` in internal/judge":       "is not in internal/judge",
		"`TestRemediation` in\ninternal/audit":           "is not in internal/audit",
		"held by internal/nowhere/limits.go":             "there is no internal/nowhere/limits.go",
		"see docs/nothing.md":                            "there is no docs/nothing.md",
		"| `./internal/nowhere/...` |":                   "there is no ./internal/nowhere",
		"./build.sh everything":                          "build.sh has no command everything",
		"`TestScripts/nothing` in internal/cli":          "there is no script nothing",
		"SECRETS.md":                                     "there is no SECRETS.md",
		"`internal/audit/envelope/testdata/<x>/y.golden": "there is no internal/audit",
	} {
		if got := strings.Join(r.missing(text), "; "); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestLimits: every constant of every limits.go stands in SECURITY.md, with the
// package it is of, and what says that it is a limit stands in no other file.
func TestLimits(t *testing.T) {
	text, err := os.ReadFile("../../../SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(root + "/internal/*/limits.go")
	if err != nil {
		t.Fatal(err)
	}
	deeper, err := filepath.Glob(root + "/internal/*/*/limits.go")
	if err != nil {
		t.Fatal(err)
	}
	if files = append(files, deeper...); len(files) < 8 {
		t.Fatalf("only %v", files)
	}
	constant := regexp.MustCompile(`(?m)^(?:const |\t)(\w+) += `)
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		pkg := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(file)), root+"/internal/")
		line := regexp.MustCompile(`(?m)^\| `+regexp.QuoteMeta(pkg)+` \|.*$`).FindAllString(string(text), -1)
		said := strings.Join(line, "\n")
		for _, m := range constant.FindAllStringSubmatch(string(source), -1) {
			if !regexp.MustCompile(`\b` + m[1] + `\b`).MatchString(said) {
				t.Errorf("SECURITY.md does not say what %s of %s is good for", m[1], pkg)
			}
		}
		for _, m := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(said, -1) {
			if !regexp.MustCompile(`(?m)^(?:const |\t)`+m[1]+` += `).MatchString(string(source)) && !strings.HasPrefix(m[1], "Test") && !strings.HasPrefix(m[1], "Fuzz") {
				t.Errorf("%s has no limit %s, which SECURITY.md names", pkg, m[1])
			}
		}
	}
}
