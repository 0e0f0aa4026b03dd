package repo_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// file is a Go file of this module that is no test.
type file struct {
	path, pkg string // pkg is the name in its package clause
	syntax    *ast.File
	set       *token.FileSet
}

// files parses the Go files of all packages, those of other modules below
// included.
func files(t *testing.T) (all []file) {
	t.Helper()
	set := token.NewFileSet()
	for _, folder := range []string{"internal", "cmd", "testdata"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, _ os.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			syntax, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err == nil {
				all = append(all, file{path, syntax.Name.Name, syntax, set})
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// TestPackageComments: every package has one, in the file that bears its name;
// where there is no such file, in doc.go. A program's is in main.go, or in its
// only file.
func TestPackageComments(t *testing.T) {
	commented, names := map[string][]string{}, map[string][]string{}
	pkg := map[string]string{}
	for _, f := range files(t) {
		dir := filepath.Dir(f.path)
		pkg[dir] = f.pkg
		names[dir] = append(names[dir], filepath.Base(f.path))
		if f.syntax.Doc != nil {
			commented[dir] = append(commented[dir], filepath.Base(f.path))
		}
	}
	for dir, all := range names {
		want := "doc.go"
		for _, name := range all {
			if name == pkg[dir]+".go" || len(all) == 1 {
				want = name
			}
		}
		if got := strings.Join(commented[dir], " "); got != want {
			t.Errorf("%s: the package comment is in %q, but must be in %s and nowhere else", dir, got, want)
		}
	}
}

// TestLimitsStand: what bounds memory or work stands in limits.go, with its reason.
func TestLimitsStand(t *testing.T) {
	limit := regexp.MustCompile(`^(max|Max)[A-Z]`)
	for _, f := range files(t) {
		for _, decl := range f.syntax.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			below := 0 // the line behind the one before, which may share its reason
			for _, spec := range group.Specs {
				one := spec.(*ast.ValueSpec)
				line := f.set.Position(one.Pos()).Line
				shares := line == below
				below = line + 1
				if !limit.MatchString(one.Names[0].Name) {
					continue
				}
				if filepath.Base(f.path) != "limits.go" {
					t.Errorf("%s: %s belongs into limits.go", f.path, one.Names[0].Name)
				}
				if one.Doc == nil && one.Comment == nil && group.Doc == nil && !shares {
					t.Errorf("%s: %s has no reason", f.path, one.Names[0].Name)
				}
			}
		}
	}
}

// TestModules: ARCHITECTURE.md has a reason for every module that is required.
func TestModules(t *testing.T) {
	text, err := os.ReadFile(root + "/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, dependencies, _ := strings.Cut(string(text), "\n## Dependencies\n")
	mod, err := os.ReadFile("../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	direct := regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1)
	if len(direct) == 0 {
		t.Fatal("no module is required directly")
	}
	for _, m := range direct {
		module := m[1]
		for strings.HasPrefix(module, "github.com/aws/aws-sdk-go-v2/") {
			module = filepath.Dir(module) // one line for all of it
		}
		if !strings.Contains(dependencies, module) {
			t.Errorf("ARCHITECTURE.md has no reason for %s", module)
		}
	}
}

// TestTestdata: testdata/README.md says of every file where it comes from.
func TestTestdata(t *testing.T) {
	text, err := os.ReadFile("../../../testdata/README.md")
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(root + "/testdata/*/*.gz")
	if err != nil || len(paths) == 0 {
		t.Fatal(paths, err)
	}
	for _, path := range paths {
		if name := strings.TrimPrefix(filepath.ToSlash(path), root+"/testdata/"); !strings.Contains(string(text), name) {
			t.Errorf("testdata/README.md does not name %s", name)
		}
	}
}
