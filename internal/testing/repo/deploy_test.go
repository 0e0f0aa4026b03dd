package repo_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// serveFlags are the flags of "kubeanon serve".
func serveFlags(t *testing.T) (flags []string) {
	t.Helper()
	cmd := exec.Command("go", "run", "./cmd/kubeanon", "serve", "--help")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(string(out), -1) {
		flags = append(flags, m[1])
	}
	if len(flags) < 10 {
		t.Fatalf("only %q in the help of serve", flags)
	}
	return flags
}

// container is what TestDeploy looks at.
type container struct {
	Args  []string
	Ports []struct {
		Name          string
		ContainerPort int `yaml:"containerPort"`
	}
	StartupProbe   probe `yaml:"startupProbe"`
	LivenessProbe  probe `yaml:"livenessProbe"`
	ReadinessProbe probe `yaml:"readinessProbe"`
	Resources      struct{ Requests, Limits map[string]string }
	VolumeMounts   []struct {
		Name      string
		MountPath string `yaml:"mountPath"`
	} `yaml:"volumeMounts"`
	SecurityContext struct {
		ReadOnlyRootFilesystem bool `yaml:"readOnlyRootFilesystem"`
	} `yaml:"securityContext"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

// TestDeploy: the files of docs/deploy name flags that exist, paths that are
// mounted and ports that are open.
func TestDeploy(t *testing.T) {
	flags := serveFlags(t)
	known := func(where string, args []string) {
		t.Helper()
		for _, arg := range args {
			name, dashed := strings.CutPrefix(arg, "--")
			name, _, _ = strings.Cut(name, "=")
			if dashed && !slices.Contains(flags, name) {
				t.Errorf("%s: serve has no flag --%s", where, name)
			}
		}
	}
	unit, err := os.ReadFile(root + "/docs/deploy/kubeanon.service")
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`(?s)ExecStart=(.*?[^\\])\n`).FindStringSubmatch(string(unit))[1]
	known("kubeanon.service", strings.Fields(command))
	for _, m := range regexp.MustCompile(`\$\{CREDENTIALS_DIRECTORY\}/(\w+)`).FindAllStringSubmatch(command, -1) {
		if !strings.Contains(string(unit), "\nLoadCredential="+m[1]+":") {
			t.Errorf("kubeanon.service loads no credential %s", m[1])
		}
	}
	for _, line := range regexp.MustCompile(`(?m)^LoadCredential=.*$`).FindAllString(string(unit), -1) {
		if strings.Contains(line, " ") {
			t.Errorf("kubeanon.service: systemd reads one credential a line: %s", line)
		}
	}

	text, err := os.ReadFile(root + "/docs/deploy/kubernetes/kubeanon.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for d := yaml.NewDecoder(bytes.NewReader(text)); ; {
		var object struct {
			Kind string
			Spec struct {
				Template struct {
					Spec struct {
						Containers []container
						Volumes    []struct{ Name string }
					}
				}
				VolumeClaimTemplates []struct{ Metadata struct{ Name string } } `yaml:"volumeClaimTemplates"`
			}
		}
		if err := d.Decode(&object); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, object.Kind)
		var volumes []string
		for _, v := range object.Spec.Template.Spec.Volumes {
			volumes = append(volumes, v.Name)
		}
		for _, v := range object.Spec.VolumeClaimTemplates {
			volumes = append(volumes, v.Metadata.Name)
		}
		for _, c := range object.Spec.Template.Spec.Containers {
			known("kubeanon.yaml", c.Args)
			checkContainer(t, c, volumes)
		}
	}
	want := []string{"Namespace", "StatefulSet", "Service", "Service", "PodDisruptionBudget", "NetworkPolicy"}
	if !slices.Equal(kinds, want) {
		t.Errorf("kubeanon.yaml holds %q, want %q", kinds, want)
	}
}

func checkContainer(t *testing.T, c container, volumes []string) {
	t.Helper()
	var mounted []string
	for _, m := range c.VolumeMounts {
		mounted = append(mounted, m.MountPath)
		if !slices.Contains(volumes, m.Name) {
			t.Errorf("kubeanon.yaml: nothing is called %s", m.Name)
		}
	}
	for _, arg := range c.Args {
		if _, path, ok := strings.Cut(arg, "=/"); ok && !slices.ContainsFunc(mounted, func(m string) bool { return strings.HasPrefix("/"+path, m) }) {
			t.Errorf("kubeanon.yaml: nothing is mounted for %s", arg)
		}
	}
	ports := map[string]int{}
	for _, p := range c.Ports {
		ports[p.Name] = p.ContainerPort
	}
	for _, p := range []probe{c.StartupProbe, c.LivenessProbe, c.ReadinessProbe} {
		if ports[p.HTTPGet.Port] != 9090 || p.HTTPGet.Path != "/healthz" && p.HTTPGet.Path != "/readyz" {
			t.Errorf("kubeanon.yaml: a probe asks %+v, which --metrics does not answer", p.HTTPGet)
		}
	}
	if c.Resources.Requests["memory"] == "" || c.Resources.Limits["memory"] == "" || !c.SecurityContext.ReadOnlyRootFilesystem {
		t.Error("kubeanon.yaml: the container has no memory bounds, or may write to its image")
	}
}

// TestUnit: systemd accepts the unit.
func TestUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("NOT CHECKED: docs/deploy/kubeanon.service; systemd-analyze is not installed")
	}
	// The program need not be installed here: any that is will do for the check.
	text, err := os.ReadFile(root + "/docs/deploy/kubeanon.service")
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "kubeanon.service")
	if err := os.WriteFile(unit, bytes.ReplaceAll(text, []byte("/usr/local/bin/kubeanon"), []byte(self)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}
