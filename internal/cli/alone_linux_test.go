package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubeanon/kubeanon/internal/splunk/splunkd"
	"github.com/kubeanon/kubeanon/internal/testing/corpus"
)

// reads are the files that Go's runtime reads when any program starts: the size
// of a huge page, and how much of the processors the process may use. The search
// command opens no others, not even these for more than reading.
var reads = regexp.MustCompile(`^(/sys/kernel/mm/transparent_hugepage/hpage_pmd_size|/proc/self/(cgroup|mountinfo|auxv)|/sys/fs/cgroup/.*cpu\.(max|cfs_quota_us|cfs_period_us)|/sys/devices/system/cpu/online)$`)

// calls is what strace is asked for: all calls that take a name of a file, that
// have to do with a network, that start or end a process, or that write; and the
// ways around those.
const calls = "trace=%file,%network,%process,write,writev,?pwrite64,?pwritev,?pwritev2,?sendfile,?sendfile64,?splice,?copy_file_range," +
	"?ftruncate,?fallocate,?fchmod,?fchown,?io_uring_setup,?memfd_create,?userfaultfd,?bpf,?ptrace,?process_vm_writev,?open_by_handle_at,?pidfd_getfd"

// line is a line of strace: the thread, the call, its arguments and what it
// returned. Another thread may come between the two halves of a call.
var line = regexp.MustCompile(`^(?:\d+ +)?(\w+)\((.*)$`)

// harms lists what a process did that the search command must not do: all that
// strace shows but what is known.
func harms(trace string) (bad []string) {
	started := 0
	for text := range strings.Lines(trace) {
		text = strings.TrimSpace(text)
		m := line.FindStringSubmatch(text)
		if m == nil { // "<... resumed>", a signal, or the end
			continue
		}
		name, args := m[1], m[2]
		quoted := regexp.MustCompile(`"([^"]*)"`).FindStringSubmatch(args)
		switch {
		case name == "execve" && started == 0: // the program itself
			started++
		case (name == "openat" || name == "open") && quoted != nil && reads.MatchString(quoted[1]) &&
			strings.Contains(args, "O_RDONLY") && !strings.Contains(args, "O_CREAT") && !strings.Contains(args, "O_TRUNC"):
		case (name == "clone" || name == "clone3") && strings.Contains(args, "CLONE_THREAD"): // a thread of its own
		case name == "exit" || name == "exit_group":
		case name == "tgkill" && strings.Contains(args, "SIGURG"): // how Go's scheduler interrupts a thread
		case name == "write" && strings.HasPrefix(args, "1,"):
		default:
			bad = append(bad, text)
		}
	}
	if started == 0 {
		bad = append(bad, "the trace does not begin with execve")
	}
	return bad
}

func TestHarms(t *testing.T) {
	const begin = `12 execve("/k", ["/k", "search"], 0x7f /* 2 vars */) = 0` + "\n"
	for text, want := range map[string]int{
		begin: 0,
		"":    1,
		begin + `12 openat(AT_FDCWD, "/proc/self/cgroup", O_RDONLY|O_CLOEXEC) = 3`:         0,
		begin + `12 openat(AT_FDCWD, "/proc/self/cgroup", O_RDWR|O_CLOEXEC) = 3`:           1,
		begin + `12 openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC <unfinished ...>`:   1,
		begin + `12 openat(AT_FDCWD, "/tmp/x", O_WRONLY|O_CREAT|O_TRUNC, 0644) = 3`:        1,
		begin + `12 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 3`:                          1,
		begin + `12 execve("/bin/sh", ["sh"], 0x7f) = 0`:                                   1,
		begin + `12 clone(child_stack=0xc0, flags=CLONE_VM|CLONE_THREAD|CLONE_FS) = 13`:    0,
		begin + `12 clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 13`:        1,
		begin + "12 write(1, \"\"..., 20) = 20\n13 write(2, \"\"..., 20 <unfinished ...>":  1,
		begin + "12 unlink(\"/tmp/x\") = 0\n12 readlink(\"/proc/self/exe\", 0xc0) = 3":     2,
		begin + "12 <... openat resumed>) = 3\n12 --- SIGURG {} ---\n12 +++ exited with 0": 0,
	} {
		if got := harms(text); len(got) != want {
			t.Errorf("%d harms, want %d, in\n%s\n%q", len(got), want, text, got)
		}
	}
}

// program builds the program as build.sh does.
func program(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeanon")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", file, "../../cmd/kubeanon")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// TestSearchAlone holds the claim that the search command opens no file but
// those of Go's runtime, no connection, starts no program, and writes to its
// standard output alone: of the whole process, with the AWS SDK and all else
// that is linked in, from its start to its end.
func TestSearchAlone(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("NOT CHECKED: what system calls the search command makes; strace is not installed")
	}
	file := program(t)
	dir := t.TempDir()
	traced := func(stdin []byte, args ...string) (trace string, stdout []byte, status int) {
		t.Helper()
		log := filepath.Join(dir, "trace")
		cmd := exec.Command(strace, append([]string{"-f", "-qq", "-s", "256", "-e", calls, "-e", "signal=none", "-o", log, file}, args...)...)
		cmd.Dir, cmd.Stdin = dir, bytes.NewReader(stdin) // a pipe, as splunkd's
		// What would make a library look for more, if it looked.
		cmd.Env = append(os.Environ(), "HOME="+dir, "AWS_PROFILE=other", "AWS_REGION=eu-central-1", "AWS_WEB_IDENTITY_TOKEN_FILE=/nowhere",
			"SSL_CERT_DIR=/nowhere", "HTTPS_PROXY=http://127.0.0.1:1", "KUBEANON_TOKEN=secret")
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		err := cmd.Run()
		if strings.Contains(errs.String(), "PTRACE") || strings.Contains(errs.String(), "ptrace") {
			t.Skipf("NOT CHECKED: what system calls the search command makes; strace may not look: %s", errs.String())
		}
		if cmd.ProcessState == nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatalf("%v\n%s", err, errs.String())
		}
		return string(text), out.Bytes(), cmd.ProcessState.ExitCode()
	}

	var rows []splunkd.Row
	for _, e := range corpus.Events(t) {
		rows = append(rows, splunkd.Row{"_raw": {e.Raw}, "_time": {"1790000000"}})
	}
	rows = append(rows,
		splunkd.Row{"_raw": {`{"kind":"Event","requestURI":"file:///etc/passwd","user":{"username":"system:anonymous"},"sourceIPs":["example.com"]}`}},
		splunkd.Row{"_raw": {`{"kind":"Event","user":{"username":"system:anonymous","groups":["system:unauth`}})
	request := func(options ...string) []byte {
		return slices.Concat(
			splunkd.EncodeChunk(splunkd.Getinfo(options), nil),
			splunkd.EncodeChunk(splunkd.Execute(false), splunkd.EncodeBody([]string{"_raw", "_time"}, rows)),
			splunkd.EncodeChunk(splunkd.Execute(true), nil))
	}
	whole := request()
	for _, c := range []struct {
		name   string
		stdin  []byte
		status int
	}{
		{"hits", whole, 0},
		{"all rows, every class", request("emit=all", "src_ip=all", "include=impersonated_anonymous,rejected_401,anonymous_access_granted", "trusted_proxies=10.0.0.0/8"), 0},
		{"flat, columns", request("risk=flat", "input=columns", "match=strict"), 0},
		{"an option with a path", request("fillvalue=/etc/passwd"), 0},
		{"a bad option", request("match=../../etc/passwd"), 1},
		{"cut short", whole[:len(whole)/2], 1},
		{"no request", nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			trace, stdout, status := traced(c.stdin, "search")
			if status != c.status {
				t.Errorf("exit status %d, want %d", status, c.status)
			}
			if len(c.stdin) > 0 && !bytes.HasPrefix(stdout, []byte("chunked 1.0,")) {
				t.Errorf("it does not answer: %.200q", stdout)
			}
			if bytes.Contains(stdout, []byte("not a real key")) { // that splunkd sent
				t.Error("it writes splunkd's session key")
			}
			bad := harms(trace)
			if status != 0 { // an error may be told on standard error, too
				bad = slices.DeleteFunc(bad, func(s string) bool { return regexp.MustCompile(`\bwrite\(2,`).MatchString(s) })
			}
			if len(bad) > 0 {
				t.Errorf("it does more than it may:\n%s", strings.Join(bad, "\n"))
			}
		})
	}

	// The same look sees what other faces do, so that it would see it here.
	events := []byte(corpus.Events(t)[0].Raw + "\n")
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		`openat\(.*report\.csv", O_(WRONLY|RDWR)\|O_CREAT`: {"scan", "--format", "csv", "--output", "report.csv", "-"},
		`socket\(AF_INET`:  {"hunt", "--splunk", "http://127.0.0.1:1", "--token-file", token},
		`token", O_RDONLY`: {"hunt", "--splunk", "http://127.0.0.1:1", "--token-file", token},
	} {
		trace, _, _ := traced(events, args...)
		if bad := strings.Join(harms(trace), "\n"); !regexp.MustCompile(want).MatchString(bad) {
			t.Errorf("no %s is seen of %s:\n%s", want, fmt.Sprint(args), bad)
		}
	}
}
