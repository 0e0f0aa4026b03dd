//go:build release

package repo_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// database writes a vulnerability database in which a function of the package
// strings has a vulnerability that was made up (go.dev/doc/security/vuln/database),
// and returns its address.
func database(t *testing.T, function string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"index/db.json":      `{"modified":"2026-11-01T00:00:00Z"}`,
		"index/modules.json": `[{"path":"stdlib","vulns":[{"id":"GO-2026-9999","modified":"2026-11-01T00:00:00Z"}]}]`,
		"ID/GO-2026-9999.json": `{"schema_version":"1.3.1","id":"GO-2026-9999","modified":"2026-11-01T00:00:00Z","published":"2026-11-01T00:00:00Z",
			"summary":"made up","details":"made up","affected":[{"package":{"name":"stdlib","ecosystem":"Go"},
			"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}],
			"ecosystem_specific":{"imports":[{"path":"strings","symbols":["` + function + `"]}]}}],
			"database_specific":{"url":"https://pkg.go.dev/vuln/GO-2026-9999"}}`,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return "file://" + filepath.ToSlash(dir)
}

// TestVulncheck runs with -tags release only (.ci/run does): it installs
// govulncheck, which needs the network. A vulnerable function that is called fails, one that is not
// called does not, and a database that is not there is told, and never passes
// for an answer.
func TestVulncheck(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("NOT CHECKED: ./build.sh vulncheck; bash is not installed")
	}
	for _, c := range []struct {
		name, db, pkg string
		ok            bool
		want, not     string
	}{
		{"called", database(t, "Cut"), "./internal/splunk/conf", false, "vulnerable functions are called", "NOT CHECKED"},
		{"not called", database(t, "NewReplacer"), "./internal/splunk/conf", true, "0 vulnerabilities", "NOT CHECKED"},
		{"no database", "http://127.0.0.1:1", "./internal/splunk/conf", true, "NOT CHECKED: ", "No vulnerabilities found"},
		{"no package", database(t, "Cut"), "./internal/nowhere", false, "govulncheck failed", "NOT CHECKED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.Command(root+"/build.sh", "vulncheck", c.pkg)
			cmd.Env = append(os.Environ(), "GOVULNDB="+c.db)
			out, err := cmd.CombinedOutput()
			if (err == nil) != c.ok || !strings.Contains(string(out), c.want) || strings.Contains(string(out), c.not) {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
