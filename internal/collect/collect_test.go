package collect_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"

	"go.uber.org/goleak"
	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/kubeanon/kubeanon/internal/cli"
	"github.com/kubeanon/kubeanon/internal/collect"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
)

// TestMain lets the test start the program as a process of its own, to be
// killed: as splunkd calls it, as the input or as the search command.
func TestMain(m *testing.M) {
	if os.Getenv("KUBEANON_INPUT") == "" && !slices.Equal(os.Args[1:], []string{"search"}) {
		// lumberjack never ends its own one.
		goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("gopkg.in/natefinch/lumberjack%2ev2.(*Logger).millRun"))
	}
	if os.Getenv("KUBEANON_DISK") != "" {
		fullDisk()
	}
	os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr))
}

// player plays splunkd to an input: it starts it, hands it the configuration
// and reads the stream, by a parser of its own.
type player struct {
	t      *testing.T
	config string
	env    []string                         // more of the input's environment
	slow   func(stdout io.Reader) io.Reader // nil, or how it reads; at EOF it closes

	mu     sync.Mutex
	events map[string]int
	times  map[string]string
	closed bool // </stream> came
}

type event struct {
	Stanza string `xml:"stanza,attr"`
	Time   string `xml:"time"`
	Source string `xml:"source"`
	Data   string `xml:"data"`
}

func newPlayer(t *testing.T, checkpoints, source, more string) *player {
	t.Helper()
	return &player{t: t, events: map[string]int{}, times: map[string]string{}, config: `<?xml version="1.0" encoding="UTF-8"?><input><server_host>h</server_host><server_uri>https://127.0.0.1:8089</server_uri><session_key>secret</session_key><checkpoint_dir>` +
		checkpoints + `</checkpoint_dir><configuration><stanza name="kubeanon://test" app="kubeanon"><param name="source">file://` + source + `</param><param name="index">default</param>` + more + `</stanza></configuration></input>`}
}

// start starts the input; wait waits for its end.
func (s *player) start() (process *os.Process, wait func() error) {
	s.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "KUBEANON_INPUT=1"), s.env...)
	cmd.Stdin = strings.NewReader(s.config)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer out.Close()
		if s.slow != nil {
			s.read(s.slow(out))
			return
		}
		s.read(out)
	}()
	return cmd.Process, func() error {
		<-read
		return cmd.Wait()
	}
}

func (s *player) read(r io.Reader) {
	d := xml.NewDecoder(r)
	for {
		tok, err := d.Token()
		if err != nil {
			return // the process is gone; a cut event does not count
		}
		switch el := tok.(type) {
		case xml.StartElement:
			if el.Name.Local != "event" {
				continue
			}
			var e event
			if d.DecodeElement(&e, &el) != nil {
				return
			}
			s.mu.Lock()
			s.events[e.Data]++
			s.times[e.Data] = e.Time
			s.mu.Unlock()
		case xml.EndElement:
			s.mu.Lock()
			s.closed = true
			s.mu.Unlock()
		}
	}
}

func (s *player) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.events)
}

func (s *player) await(n int) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); s.count() < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%d events, not %d", s.count(), n)
		}
	}
}

func line(i int) string {
	return fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"%08d","user":{"username":"u"},"requestReceivedTimestamp":"2026-11-23T09:28:47.%06dZ"}`, i, i%1_000_000)
}

// TestStop: SIGTERM ends the stream in order, and the next start goes on.
func TestStop(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "audit.log")
	s := newPlayer(t, filepath.Join(dir, "checkpoints"), log, "")
	if err := os.WriteFile(log, []byte(line(1)+"\n"+line(2)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	process, wait := s.start()
	s.await(2)
	start := time.Now()
	if err := process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := wait(); err != nil || time.Since(start) > 5*time.Second || !s.closed {
		t.Errorf("%v after %v, stream closed: %v", err, time.Since(start), s.closed)
	}
	if got := s.times[line(1)]; got != "1795426127.000001" {
		t.Errorf("time %s", got)
	}
	f, err := os.OpenFile(log, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(f, line(3))
	f.Close()
	process, wait = s.start()
	s.await(3)
	_ = process.Signal(syscall.SIGTERM)
	if err := wait(); err != nil {
		t.Error(err)
	}
	for text, n := range s.events {
		if n != 1 {
			t.Errorf("%d times %s", n, text)
		}
	}
}

// TestKill kills the process with SIGKILL again and again while the log is
// written and rotated: nothing is lost.
func TestKill(t *testing.T) {
	dir, err := os.MkdirTemp("", "kubeanon")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir) // lumberjack may still be packing in it, which t.TempDir would not forgive
	log := &lumberjack.Logger{Filename: filepath.Join(dir, "audit.log"), MaxSize: 1, Compress: true}
	s := newPlayer(t, filepath.Join(dir, "checkpoints"), log.Filename, "")
	const n = 20_000
	written := make(chan struct{})
	go func() {
		defer close(written)
		for i := range n {
			fmt.Fprintln(log, line(i))
			if i%400 == 0 {
				time.Sleep(10 * time.Millisecond)
			}
		}
		log.Close()
	}()
	random := rand.New(rand.NewPCG(3, 4))
	kills := 0
	for done := false; !done; {
		select {
		case <-written:
			done = true
		default:
			process, wait := s.start()
			time.Sleep(time.Duration(random.IntN(60)) * time.Millisecond)
			if err := process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = wait() // it was killed
			kills++
		}
	}
	// One more line shows that the process is there; all others may have come
	// before the last kill.
	process, wait := s.start()
	fmt.Fprintln(log, line(n))
	log.Close()
	s.await(n + 1)
	_ = process.Signal(syscall.SIGTERM)
	if err := wait(); err != nil {
		t.Error(err)
	}
	twice := 0
	for i := range n {
		if s.events[line(i)] == 0 {
			t.Fatalf("lost: %d", i)
		} else if s.events[line(i)] > 1 {
			twice++
		}
	}
	t.Logf("%d lines, %d kills, 0 lost, %d more than once", n, kills, twice)
	if kills < 5 {
		t.Errorf("only %d kills", kills)
	}
}

// TestSecondInstance: two processes never read for the same stanza.
func TestSecondInstance(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "audit.log")
	if err := os.WriteFile(log, []byte(line(1)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newPlayer(t, dir, log, "")
	process, wait := s.start()
	s.await(1)
	in, err := modinput.Read(strings.NewReader(s.config))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := collect.Run(t.Context(), in, &out, modinput.NewLog(io.Discard)); err == nil || !strings.Contains(err.Error(), "another process has the checkpoint") {
		t.Errorf("%v", err)
	}
	_ = process.Signal(syscall.SIGTERM)
	if err := wait(); err != nil {
		t.Error(err)
	}
}

// TestFilter: with filter=anonymous only those lines come out that hold an
// anonymous request or may do so, and control characters do not break the
// stream.
func TestFilter(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "audit.log")
	anonymous := strings.Replace(line(1), `"u"`, `"system:anonymous"`, 1)
	cut := line(2)[:60]
	odd := strings.Replace(strings.Replace(line(3), `"u"`, `"system:anonymous"`, 1), "Event", "Event\x00<&>]]>", 1)
	if err := os.WriteFile(log, []byte(strings.Join([]string{line(0), anonymous, cut, odd}, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newPlayer(t, dir, log, `<param name="filter">anonymous</param>`)
	process, wait := s.start()
	s.await(3)
	_ = process.Signal(syscall.SIGTERM)
	if err := wait(); err != nil {
		t.Error(err)
	}
	for _, want := range []string{anonymous, cut, strings.Replace(odd, "\x00", "\ufffd", 1)} {
		if s.events[want] != 1 {
			t.Errorf("%d times %q", s.events[want], want)
		}
	}
}

// TestUTF16: splunkd on Windows may write its configuration in UTF-16.
func TestUTF16(t *testing.T) {
	text := newPlayer(t, "/c", "/x\U0001F600", "").config
	for _, little := range []bool{true, false} {
		var b bytes.Buffer
		for _, unit := range utf16.Encode([]rune("\ufeff" + strings.Replace(text, "UTF-8", "UTF-16", 1))) {
			if little {
				b.Write([]byte{byte(unit), byte(unit >> 8)})
			} else {
				b.Write([]byte{byte(unit >> 8), byte(unit)})
			}
		}
		in, err := modinput.Read(&b)
		if err != nil || in.CheckpointDir != "/c" || len(in.Stanzas) != 1 || in.Stanzas[0].Params["source"] != "file:///x\U0001F600" || in.Stanzas[0].Name != "kubeanon://test" {
			t.Errorf("little endian %v: %+v, %v", little, in, err)
		}
	}
}
