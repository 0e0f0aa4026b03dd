package cli_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/kubeanon/kubeanon/internal/cli"
	"github.com/kubeanon/kubeanon/internal/splunk/splunkd"
	"github.com/kubeanon/kubeanon/internal/testing/corpus"
)

// TestMain lets the test binary stand in for the program in scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"kubeanon": func() { os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) },
	})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("TESTDATA", corpus.Dir())
			program, err := exec.LookPath("kubeanon")
			if err != nil {
				return err
			}
			root, err := filepath.Abs("../..")
			if err != nil {
				return err
			}
			env.Setenv("PROGRAM", program)
			env.Setenv("REPOSITORY", root)
			for _, name := range []string{"LISTEN", "METRICS"} {
				address, err := free()
				if err != nil {
					return err
				}
				env.Setenv(name, address)
			}
			env.Values["fakes"] = &fakes{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"code":     wantCode,
			"requests": requests,
			"fake":     fake,
			"arrived":  arrived,
			"discreet": discreet,
			"asked":    asked,
			"post":     post,
			"get":      get,
		},
	})
}

// wantCode runs a program and wants an exit status: "code 3 kubeanon scan x".
func wantCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code STATUS PROGRAM [ARG...]")
	}
	status := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		status = strings.TrimPrefix(err.Error(), "exit status ")
	}
	if status != args[0] {
		ts.Fatalf("exit status %s, want %s", status, args[0])
	}
}

// requests writes what splunkd sends to a file: getinfo with the given
// options, and each line of a file as the raw text of a row, in one request.
// "requests out.bin events.ndjson match=strict".
func requests(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: requests FILE EVENTS [OPTION...]")
	}
	var rows []splunkd.Row
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		rows = append(rows, splunkd.Row{"_raw": {strings.TrimSuffix(line, "\n")}})
	}
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	for _, frame := range [][]byte{
		splunkd.EncodeChunk(splunkd.Getinfo(args[2:]), nil),
		splunkd.EncodeChunk(splunkd.Execute(false), splunkd.EncodeBody([]string{"_raw"}, rows)),
		splunkd.EncodeChunk(splunkd.Execute(true), nil),
	} {
		_, err := f.Write(frame)
		ts.Check(err)
	}
}

// TestHelpNamesEveryCommand looks at the first thing a new user sees.
func TestHelpNamesEveryCommand(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	code := cli.Main([]string{"kubeanon", "--help"}, os.Stdin, w, os.Stderr)
	w.Close()
	out, err := io.ReadAll(r)
	if err != nil || code != 0 {
		t.Fatal(code, err)
	}
	for _, name := range []string{"scan", "explain", "rules", "replay", "hunt", "demo", "serve", "doctor", "search", "completion", "man", "version"} {
		if !strings.Contains(string(out), fmt.Sprintf("\n  %s ", name)) {
			t.Errorf("no %s in\n%s", name, out)
		}
	}
}

// TestReadme keeps the output at the top of README.md true: each of its lines
// is one that the command prints.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "$ kubeanon scan internal/demo/events.ndjson")
	_, rest, _ = strings.Cut(rest, "\n")
	shown, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("README.md shows no scan")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		cli.Main([]string{"kubeanon", "scan", "../demo/events.ndjson"}, os.Stdin, w, os.Stderr)
		w.Close()
	}()
	printed, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(shown), "\n") {
		if !strings.Contains(string(printed), strings.TrimSpace(line)) {
			t.Errorf("README.md shows %q, which is not printed", line)
		}
	}
}
