package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/kubeanon/kubeanon/internal/cli"
	"github.com/kubeanon/kubeanon/internal/testing/fakehec"
)

// kubeanon is the program as a process of its own; TestMain has put it where
// programs are looked for.
func kubeanon(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("kubeanon", args...)
	cmd.Dir = t.TempDir()
	return cmd
}

// help is what --help prints.
func help(t *testing.T, args ...string) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	code := cli.Main(append(append([]string{"kubeanon"}, args...), "--help"), os.Stdin, w, os.Stderr)
	w.Close()
	out, err := io.ReadAll(r)
	if err != nil || code != 0 {
		t.Fatal(code, err)
	}
	return string(out)
}

// TestScriptsUseEveryFlag: no command and no flag is without a script, and no
// command without an example in its help.
func TestScriptsUseEveryFlag(t *testing.T) {
	var scripts strings.Builder
	files, err := filepath.Glob("testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		scripts.Write(text)
	}
	_, commands, _ := strings.Cut(help(t), "Commands:\n")
	commands, _, _ = strings.Cut(commands, "\n\n")
	lines := regexp.MustCompile(`(?m)^  \w.*$`).FindAllString(commands, -1)
	if len(lines) < 12 {
		t.Errorf("only %d commands in %s", len(lines), commands)
	}
	flag := regexp.MustCompile(`(?m)^  (?:-o, )?--([a-z-]+)`)
	for _, line := range lines {
		command := strings.Fields(line)[0]
		text := help(t, command)
		for line := range strings.SplitSeq(text, "\n") {
			if len(line) > 80 {
				t.Errorf("%s --help is wider than 80 columns: %s", command, line)
			}
		}
		if !strings.Contains(text, "Examples:\n") {
			t.Errorf("%s --help has no examples", command)
		}
		used := regexp.MustCompile(`(?m)^.*\bkubeanon `+command+`\b.*$`).FindAllString(scripts.String(), -1)
		if len(used) == 0 {
			t.Errorf("no script runs %s", command)
		}
		for _, m := range flag.FindAllStringSubmatch(text, -1) {
			given := regexp.MustCompile(` --` + m[1] + `\b`)
			if !slices.ContainsFunc(used, given.MatchString) && m[1] != "help" {
				t.Errorf("no script runs %s with --%s", command, m[1])
			}
		}
	}
}

// TestInterrupt: the first Ctrl-C ends a scan, which reports what it has found
// so far and says that it is not all.
func TestInterrupt(t *testing.T) {
	const hit = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"list","requestURI":"/api/v1/secrets","user":{"username":"system:anonymous"},"responseStatus":{"code":200}}` + "\n"
	const other = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","user":{"username":"alice"}}` + "\n"
	cmd := kubeanon(t, "scan", "--format", "ndjson", "-")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// When all of this is gone into the pipe, its beginning was read.
	if _, err := io.WriteString(stdin, hit+strings.Repeat(other, 100_000)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 3 || strings.Count(stdout.String(), "\n") != 1 || !strings.Contains(stdout.String(), "anon_credential_access") {
		t.Errorf("%v, exit status %d\n%s%s", err, code, &stdout, &stderr)
	}
	if !strings.Contains(stderr.String(), "stopped before the end") {
		t.Errorf("standard error: %s", &stderr)
	}
}

// TestReplayKilled is replay as a whole: 100,000 events through a collector that
// is busy, throttles, breaks and finds batches too large. The process is killed
// twice, in the middle of a request, and begun again. Nothing is lost; twice comes only
// what was on its way at a kill, or when the connection broke behind the
// request.
func TestReplayKilled(t *testing.T) {
	const events, kills = 100_000, 2
	var log bytes.Buffer
	begin := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for i := range events {
		fmt.Fprintf(&log, `{"auditID":"id-%d","stage":"ResponseComplete","requestReceivedTimestamp":"%s"}`+"\n", i, begin.Add(time.Duration(i)*time.Second).Format("2006-01-02T15:04:05.000000Z"))
	}
	for _, ack := range []bool{false, true} {
		t.Run(fmt.Sprintf("ack=%v", ack), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for name, text := range map[string]string{"audit.log": log.String(), "token": secretToken} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			var running atomic.Pointer[os.Process]
			killed, throttled, swallowed := 0, 0, 0
			collector := &fakehec.Collector{Token: secretToken, UseACK: ack, MaxSize: 150_000}
			collector.Fault = func(request int) fakehec.Fault {
				switch {
				case killed < kills && request == 60*(killed+1):
					killed++
					_ = running.Load().Kill()
					return fakehec.Reset
				case request == 20:
					throttled++
					return fakehec.Throttled
				case request == 40 || request == 150:
					swallowed++
					return fakehec.Swallowed
				}
				// Each costs the second that the program waits; internal/replay has
				// more of them, with shorter waits.
				return map[int]fakehec.Fault{3: fakehec.Busy, 75: fakehec.Reset, 140: fakehec.Error}[request]
			}
			server := httptest.NewServer(collector)
			defer server.Close()
			args := []string{"replay", "--url", server.URL, "--token-file", "token", "--resume", "r.json", "--no-progress", "audit.log"}
			if ack {
				args = append(args, "--ack")
			}
			for life := range kills + 1 {
				cmd := kubeanon(t, args...)
				cmd.Dir = dir
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				running.Store(cmd.Process)
				err := cmd.Wait()
				status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
				if died := status.Signaled(); died != (life < kills) || !died && err != nil {
					t.Fatalf("life %d: %v\n%s", life, err, &stderr)
				}
				if strings.Contains(stderr.String(), secretToken) {
					t.Errorf("the token is said: %s", &stderr)
				}
			}
			seen := map[string]int{}
			for _, e := range collector.Events() {
				seen[e.Text()]++
			}
			twice := len(collector.Events()) - len(seen)
			t.Logf("%d of %d events arrived, %d twice; %d kills, %d requests, %d throttled, %d taken without an answer", len(seen), events, twice, killed, collector.Requests(), throttled, swallowed)
			if len(seen) != events {
				t.Errorf("%d events are lost", events-len(seen))
			}
			// A request holds up to 1,000 events. Without acknowledgement one is on
			// its way at a time, with it 16 more wait for theirs.
			allowed := 1000 * (swallowed + kills)
			if ack {
				allowed += 1000 * 16 * kills
			}
			if twice > allowed {
				t.Errorf("%d twice, but at most %d can have been on their way", twice, allowed)
			}
		})
	}
}

// TestNobodyReads: without arguments and with nothing to read, as from cron, a
// person gets the help; splunkd gives a pipe.
func TestNobodyReads(t *testing.T) {
	cmd := kubeanon(t) // exec gives /dev/null
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Commands:\n") {
		t.Errorf("%v, %s", err, out)
	}
}
