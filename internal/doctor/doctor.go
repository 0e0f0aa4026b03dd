// Package doctor looks at an installation: the app in its folder, what was
// changed there, the binary, splunkd, and how far the inputs are.
package doctor

import (
	"context"
	"debug/elf"
	"debug/macho"
	"debug/pe"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/kubeanon/kubeanon/internal/collect"
	"github.com/kubeanon/kubeanon/internal/collect/checkpoint"
	"github.com/kubeanon/kubeanon/internal/detect/allowlist"
	"github.com/kubeanon/kubeanon/internal/options"
	"github.com/kubeanon/kubeanon/internal/splunk/conf"
	"github.com/kubeanon/kubeanon/internal/splunk/export"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
	"github.com/kubeanon/kubeanon/internal/splunk/splunkd"
	"github.com/kubeanon/kubeanon/internal/version"
)

// State is how a check ended.
type State string

// The states.
const (
	OK   State = "ok"
	Warn State = "warn" // it works, or cannot be told; somebody should look
	Fail State = "fail"
)

// Line is one check.
type Line struct {
	Check  string `json:"check"`
	State  State  `json:"state"`
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"` // what to do
}

// ok, warn and fail make the line of a check. found is what was seen, and advice
// what to do.
func ok(check, found string) Line { return Line{Check: check, State: OK, Found: found} }

func warn(check, found, advice string) Line {
	return Line{Check: check, State: Warn, Found: found, Advice: advice}
}

func fail(check, found, advice string) Line {
	return Line{Check: check, State: Fail, Found: found, Advice: advice}
}

// Installation is what to look at.
type Installation struct {
	App         string         // its folder, such as /opt/splunk/etc/apps/kubeanon
	Checkpoints string         // the folder of its inputs' checkpoints
	Server      *export.Server // splunkd; nil without credentials
	Now         time.Time
}

// Find guesses where the app is: where the binary at path lies, else in
// $SPLUNK_HOME, else where Splunk is by default. It is empty if it is nowhere.
func Find(binary, splunkHome string) (app, checkpoints string) {
	homes := []string{splunkHome, "/opt/splunk", "/opt/splunkforwarder", "/Applications/Splunk", `C:\Program Files\Splunk`}
	candidates := []string{filepath.Dir(filepath.Dir(binary))}
	for _, home := range homes {
		if home != "" {
			candidates = append(candidates, filepath.Join(home, "etc", "apps", "kubeanon"))
		}
	}
	for _, dir := range candidates {
		if _, err := os.Stat(filepath.Join(dir, "default", "commands.conf")); err != nil {
			continue
		}
		if home := filepath.Dir(filepath.Dir(filepath.Dir(dir))); filepath.Base(filepath.Dir(dir)) == "apps" {
			checkpoints = filepath.Join(home, "var", "lib", "splunk", "modinputs", "kubeanon")
		}
		return dir, checkpoints
	}
	return "", ""
}

// Run makes all checks, in the order in which somebody would mend things.
func (in *Installation) Run(ctx context.Context) (lines []Line) {
	if _, err := os.Stat(filepath.Join(in.App, "default", "app.conf")); in.App == "" || err != nil {
		lines = append(lines, fail("app", strings.TrimSpace("no app found "+in.App), "install the package, or name its folder with --app"))
	} else {
		lines = append(lines, in.app())
		binary := in.binary()
		lines = append(lines, binary)
		if binary.State != Fail {
			lines = append(lines, in.command(ctx))
		}
		lines = append(lines, in.overrides()...)
		lines = append(lines, in.macro(), in.options(), in.allowlist())
		lines = append(lines, in.inputs()...)
	}
	return append(lines, in.splunkd(ctx)...)
}

// read reads a .conf file of the app; absent is empty.
func (in *Installation) read(dir, name string) (f conf.File, problems []string) {
	text, err := os.ReadFile(filepath.Join(in.App, dir, name))
	if err != nil {
		return conf.File{}, nil
	}
	return conf.Parse(string(text))
}

// setting is that of local/, also an empty one, else that of default/.
func (in *Installation) setting(file, stanza, key string) (value string, local bool) {
	f, _ := in.read("local", file)
	if value, local = f[stanza][key]; local {
		return value, true
	}
	f, _ = in.read("default", file)
	return f[stanza][key], false
}

// app looks at the folder and its version.
func (in *Installation) app() Line {
	l := Line{Check: "app", State: OK}
	f, _ := in.read("default", "app.conf")
	have := f["launcher"]["version"]
	l.Found = in.App + ", version " + have
	switch {
	case have == "":
		l.State, l.Found = Fail, in.App+" holds no default/app.conf with a version"
		l.Advice = "install the package again"
	case version.Version != have:
		l.State = Warn
		l.Found += ", looked at by kubeanon " + version.Version
		l.Advice = "run the doctor of the app itself: " + filepath.Join(in.App, "bin", "kubeanon") + " doctor"
	}
	if filepath.Base(in.App) != "kubeanon" {
		l.State, l.Advice = Fail, "the folder has to be named kubeanon: macros and the input are found by that"
	}
	return l
}

// binary looks at the program that splunkd starts.
func (in *Installation) binary() Line {
	l := Line{Check: "binary", State: OK}
	name := in.program()
	info, err := os.Stat(name)
	if err != nil {
		return fail("binary", fmt.Sprint(err), "install the package of this platform ("+runtime.GOOS+"/"+runtime.GOARCH+")")
	}
	platform := platformOf(name)
	l.Found = fmt.Sprintf("%s, for %s", name, platform)
	switch {
	case platform != runtime.GOOS+"/"+runtime.GOARCH:
		l.State, l.Advice = Fail, "install the package of this platform: "+runtime.GOOS+"/"+runtime.GOARCH
	case runtime.GOOS != "windows" && info.Mode()&0o111 == 0:
		l.State, l.Advice = Fail, "it may not be run: chmod 755 "+name
	}
	return l
}

// program is the file that splunkd starts.
func (in *Installation) program() string {
	name, _ := in.setting("commands.conf", "kubeanon", "filename")
	if name == "" {
		name = "kubeanon" + exe()
	}
	return filepath.Join(in.App, "bin", name)
}

func exe() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// platformOf reads for which system a program was made.
func platformOf(name string) string {
	if f, err := elf.Open(name); err == nil {
		defer func() { _ = f.Close() }() // only read
		return "linux/" + map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}[f.Machine]
	}
	if f, err := macho.Open(name); err == nil {
		defer func() { _ = f.Close() }() // only read
		return "darwin/" + map[macho.Cpu]string{macho.CpuAmd64: "amd64", macho.CpuArm64: "arm64"}[f.Cpu]
	}
	if f, err := pe.Open(name); err == nil {
		defer func() { _ = f.Close() }() // only read
		return "windows/" + map[uint16]string{pe.IMAGE_FILE_MACHINE_AMD64: "amd64", pe.IMAGE_FILE_MACHINE_ARM64: "arm64"}[f.Machine]
	}
	return "no known platform"
}

// probe is a request that every version judges alike.
const probe = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"doctor","stage":"ResponseComplete",` +
	`"requestURI":"/api/v1/secrets","verb":"list","user":{"username":"system:anonymous","groups":["system:unauthenticated"]},` +
	`"sourceIPs":["203.0.113.7"],"objectRef":{"resource":"secrets","apiVersion":"v1"},"responseStatus":{"code":200}}`

// command plays splunkd to the search command with one event.
func (in *Installation) command(ctx context.Context) Line {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	begin := time.Now()
	rows, err := splunkd.Search(ctx, in.program(), in.program(), "", []string{"_raw"}, []splunkd.Row{{"_raw": {probe}}}, 1)
	if err != nil {
		return fail("command", fmt.Sprintf("the search command does not answer: %v", err), "run it by hand: "+in.program()+" version")
	}
	if len(rows) != 1 || !slices.Equal(rows[0]["category"], []string{"anon_credential_access"}) {
		return fail("command", "the search command does not find a secret that was read", "install the package again")
	}
	return ok("command", fmt.Sprintf("the search command answers as splunkd wants it, in %d ms", time.Since(begin).Milliseconds()))
}

// overrides names what local/ changes.
func (in *Installation) overrides() (lines []Line) {
	files, _ := filepath.Glob(filepath.Join(in.App, "local", "*.conf")) // the pattern is right
	if len(files) == 0 {
		return []Line{ok("local", "nothing is changed in local/")}
	}
	for _, file := range files {
		name := filepath.Base(file)
		f, problems := in.read("local", name)
		var stanzas []string
		for stanza := range f {
			stanzas = append(stanzas, "["+stanza+"]")
		}
		slices.Sort(stanzas)
		l := Line{Check: "local/" + name, State: OK, Found: "changes " + strings.Join(stanzas, " ")}
		if len(problems) > 0 {
			l.State, l.Found, l.Advice = Warn, l.Found+"; "+strings.Join(problems, "; "), "mend it: Splunk takes what it can read and says little"
		}
		if c := f["kubeanon"]; name == "commands.conf" && c != nil {
			l.State, l.Advice = Warn, "the command's settings come with the app; remove this unless you know why it is there"
			if v, set := c["chunked"]; set && v != "true" && v != "1" {
				l.State, l.Advice = Fail, "remove chunked: the command speaks nothing but the chunked protocol"
			}
		}
		if name == "macros.conf" {
			for _, stanza := range stanzas {
				if definition, set := f[strings.Trim(stanza, "[]")]["definition"]; set && definition == "" {
					l.State, l.Found = Fail, l.Found+"; "+stanza+" is empty"
					l.Advice = "remove it, or write search * into a filter: the searches that use an empty macro fail, or search everything"
				}
			}
		}
		lines = append(lines, l)
	}
	return lines
}

// options looks at the options that all searches take from a macro.
func (in *Installation) options() Line {
	definition, _ := in.setting("macros.conf", "kubeanon_options", "definition")
	l := Line{Check: "kubeanon_options", State: OK, Found: definition}
	set, err := options.Parse(strings.Fields(strings.ReplaceAll(definition, `"`, "")))
	switch {
	case err != nil:
		l.State, l.Found, l.Advice = Fail, definition+": "+err.Error(), "mend the macro: with it every search fails"
	case set.Policy.Flat || set.All:
		l.State, l.Advice = Warn, "detections and dashboards go by the graded score and by hits alone; take risk=flat and emit=all into searches of your own"
	}
	return l
}

// allowlist reads the lookup as a scan does, which refuses what Splunk passes
// over.
func (in *Installation) allowlist() Line {
	name, _ := in.setting("transforms.conf", "kubeanon_allowlist", "filename")
	file := filepath.Join(in.App, "lookups", name)
	f, err := os.Open(file)
	if err != nil {
		return fail("allowlist", fmt.Sprint(err), "without the lookup the detections fail; install the package again, or put your copy there")
	}
	defer func() { _ = f.Close() }() // only read
	list, err := allowlist.Load(f)
	if err != nil {
		return fail("allowlist", fmt.Sprintf("%s: %v", file, err), "mend the line: Splunk does not say that it matches nothing, or too much")
	}
	expired := 0
	for _, e := range list {
		if e.Expires < in.Now.Format(time.DateOnly) {
			expired++
		}
	}
	return ok("allowlist", fmt.Sprintf("entries: %d, expired: %d", len(list), expired))
}

// macro looks at the macro that says where the events are.
func (in *Installation) macro() Line {
	definition, local := in.setting("macros.conf", "kube_audit", "definition")
	l := Line{Check: "kube_audit", State: OK, Found: definition}
	switch {
	case definition == "":
		l.State, l.Found, l.Advice = Fail, "the macro has no definition", "set it under Settings > Advanced search > Search macros"
	case !local:
		l.State, l.Advice = Warn, "this is what it comes with; set it to where your events are, such as index=k8s sourcetype=kube:audit"
	case !strings.Contains(definition, "index"):
		l.State, l.Advice = Warn, "it names no index, so only the default ones are searched"
	}
	return l
}

// inputs looks at the inputs that are set up here, and how far they are.
func (in *Installation) inputs() (lines []Line) {
	f, _ := in.read("local", "inputs.conf")
	if _, err := checkpoint.List(in.Checkpoints); err != nil {
		lines = append(lines, fail("checkpoints", fmt.Sprint(err), "the input begins anew when it is removed: events come twice"))
	}
	for stanza, settings := range f {
		if strings.HasPrefix(stanza, "kubeanon://") {
			lines = append(lines, in.input(stanza, settings))
		}
	}
	slices.SortFunc(lines, func(a, b Line) int { return strings.Compare(a.Check, b.Check) })
	return lines
}

// look is where an input says what it does.
const look = "look at index=_internal kubeanon"

// input looks at one input, whatever its source is.
func (in *Installation) input(stanza string, settings map[string]string) Line {
	home := modinput.Input{CheckpointDir: in.Checkpoints}
	set, err := collect.Parse(home, modinput.Stanza{Name: stanza, Params: settings}, modinput.NewLog(io.Discard))
	switch {
	case err != nil:
		return fail(stanza, fmt.Sprint(err), "correct it in local/inputs.conf")
	case settings["disabled"] == "1" || settings["disabled"] == "true":
		return ok(stanza, "disabled")
	}
	lag, err := set.Source.Lag(in.Now)
	switch {
	case err != nil:
		return fail(stanza, fmt.Sprint(err), look)
	case lag.Odd != "":
		return warn(stanza, lag.Odd, "check its settings and whether events arrive there; "+look+" for why")
	case lag.Behind > slow:
		return warn(stanza, lag.Found, "it lags behind its source; check that the input is running: "+look)
	case lag.Waiting > crowded:
		return warn(stanza, lag.Found, "splunkd does not keep up, or is not running; above spool_mb API servers are told to wait")
	}
	return ok(stanza, lag.Found)
}

// splunkd asks the server, and whether the macro finds anything.
func (in *Installation) splunkd(ctx context.Context) []Line {
	if in.Server == nil {
		return []Line{warn("splunkd", "not asked", "name it with --splunk https://HOST:8089 and --token-file to see whether kube_audit finds events")}
	}
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	have, err := in.Server.Version(asking)
	if err != nil {
		return []Line{fail("splunkd", fmt.Sprint(err), "")}
	}
	lines := []Line{ok("splunkd", in.Server.URL+", version "+have)}
	found := 0
	err = in.Server.Run(asking, export.Search{Query: "`kube_audit` | head 1 | fields _time", Earliest: "-24h", Latest: "now"}, func(export.Row) error {
		found++
		return nil
	})
	switch {
	case err != nil:
		lines = append(lines, fail("events", fmt.Sprintf("searching `kube_audit`: %v", err), ""))
	case found == 0:
		lines = append(lines, warn("events", "`kube_audit` finds nothing in the last 24 hours", "point the macro at your events, and see that the user may search their index"))
	default:
		lines = append(lines, ok("events", "`kube_audit` finds events of the last 24 hours"))
	}
	return lines
}
