package input

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
)

// Scheme is what splunkd is told about the input.
var Scheme = modinput.Scheme{
	Title:              "Kubernetes audit events",
	Description:        "Collects the audit events of a Kubernetes API server from its log file and loses none of them over rotations and restarts.",
	ExternalValidation: true,
	StreamingMode:      "xml",
	Args: []modinput.Arg{
		arg("source", "Source", "file:///var/log/kubernetes/audit.log; the path may hold wildcards. Rotated files beside it are read, too.", true),
		arg("filter", "Filter", "all (default): every event. anonymous: only requests without a name, and what cannot be judged.", false),
		arg("start_at", "Start at", "beginning (default): files that are there are read. end: only what is written from now on.", false),
	},
}

func arg(name, title, description string, required bool) modinput.Arg {
	return modinput.Arg{Name: name, Title: title, Description: description, DataType: "string", RequiredOnCreate: required}
}

// implicit are the parameters that splunkd hands to every input.
var implicit = []string{"host", "index", "sourcetype", "interval", "disabled", "python.version", "python.required", "start_by_shell", "run_introspection"}

// Settings are those of one stanza.
type Settings struct {
	Name          string // of the stanza, with its scheme
	Glob          string // of the files
	AnonymousOnly bool
	FromEnd       bool
}

// Parse reads the settings of a stanza. The error names the setting, its value
// and what is allowed.
func Parse(s modinput.Stanza) (Settings, error) {
	set := Settings{Name: s.Name}
	for name := range s.Params {
		known := slices.Contains(implicit, name) || slices.ContainsFunc(Scheme.Args, func(a modinput.Arg) bool { return a.Name == name })
		if !known && !strings.HasPrefix(name, "_") {
			var names []string
			for _, a := range Scheme.Args {
				names = append(names, a.Name)
			}
			return set, fmt.Errorf("%s is no setting of this input; allowed: %s", name, strings.Join(names, ", "))
		}
	}
	var err error
	if set.Glob, err = glob(s.Params["source"]); err != nil {
		return set, err
	}
	switch v := s.Params["filter"]; v {
	case "", "all":
	case "anonymous":
		set.AnonymousOnly = true
	default:
		return set, fmt.Errorf("filter=%q is not valid; allowed: all, anonymous", v)
	}
	switch v := s.Params["start_at"]; v {
	case "", "beginning":
	case "end":
		set.FromEnd = true
	default:
		return set, fmt.Errorf("start_at=%q is not valid; allowed: beginning, end", v)
	}
	return set, nil
}

// glob is the path of a file:// source.
func glob(source string) (string, error) {
	// Not by package url alone: a wildcard may be a question mark.
	path, ok := strings.CutPrefix(source, "file://")
	if !ok {
		if u, err := url.Parse(source); err == nil && u.Scheme != "" {
			return "", fmt.Errorf("source=%q: %s:// is not supported; write file:///var/log/kubernetes/audit.log", source, u.Scheme)
		}
		return "", fmt.Errorf("source=%q is not valid; write file:///var/log/kubernetes/audit.log", source)
	}
	if len(path) > 2 && path[0] == '/' && path[2] == ':' { // file:///C:/...
		path = path[1:]
	}
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("source=%q: the path must be absolute, with three slashes: file:///var/log/kubernetes/audit.log", source)
	}
	if _, err := filepath.Match(path, ""); err != nil {
		return "", fmt.Errorf("source=%q: %w", source, err)
	}
	return filepath.Clean(path), nil
}

// Validate reads the settings of a stanza and tries them: what it lets pass
// can be read now.
func Validate(s modinput.Stanza) error {
	set, err := Parse(s)
	if err != nil {
		return err
	}
	files, err := filepath.Glob(set.Glob)
	if err != nil {
		return err
	}
	if len(files) == 0 {
		if _, err := os.ReadDir(filepath.Dir(set.Glob)); err != nil && !strings.ContainsAny(filepath.Dir(set.Glob), "*?[") {
			return fmt.Errorf("source: no file matches, and its folder cannot be read: %w", err)
		}
		return nil // the file may come later
	}
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return fmt.Errorf("source: %w; the user that runs splunkd needs to read it (API servers write it with mode 0600)", err)
		}
		f.Close() // only read
	}
	return nil
}
