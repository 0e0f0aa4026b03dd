package collect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kubeanon/kubeanon/internal/collect/checkpoint"
	"github.com/kubeanon/kubeanon/internal/splunk/splunkd"
)

const (
	soakSenders = 4  // API servers that send at a time
	soakBatch   = 20 // events in a request: several fit into the pipe to splunkd
	soakSecret  = 7  // every how many events are anonymous
)

// soakEvents is how many events a scenario sends; more in the long run.
func soakEvents() int {
	if n, err := strconv.Atoi(os.Getenv("KUBEANON_SOAK_LINES")); err == nil {
		return n
	}
	return 2000
}

// soakLine is the event i of the ledger, 1 KB long.
func soakLine(i int) string {
	user := `"username":"system:node:a","groups":["system:nodes"]`
	if i%soakSecret == 0 {
		user = `"username":"system:anonymous","groups":["system:unauthenticated"]`
	}
	return fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"%08d","stage":"ResponseComplete",`+
		`"requestURI":"/api/v1/namespaces/default/secrets/s%d","verb":"get","user":{%s},"sourceIPs":["203.0.113.7"],"userAgent":"curl/8",`+
		`"objectRef":{"resource":"secrets","namespace":"default","name":"s%d","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":403},`+
		`"requestReceivedTimestamp":"2026-11-23T09:28:47.%06dZ","stageTimestamp":"2026-11-23T09:28:48.000000Z",`+
		`"annotations":{"authorization.k8s.io/decision":"forbid","authorization.k8s.io/reason":%q}}`, i, i, user, i, i%1_000_000, soakReason)
}

var soakReason = strings.Repeat("no RBAC policy matched; ", 17)

// soak is the whole path of a webhook's events: API servers, the input, splunkd,
// the index, the search.
type soak struct {
	*player
	t      *testing.T
	api    *apiServer
	n      int // events
	start  time.Time
	sent   chan struct{} // closed when every batch was answered 2xx
	random *rand.Rand
	kills  int

	process *os.Process
	wait    func() error
}

// newSoak begins to send. A checkpoint folder and parameters may be given.
func newSoak(t *testing.T, dir, more string) *soak {
	t.Helper()
	address := free(t)
	s := &soak{t: t, player: newPlayer(t, "", "", ""), api: &apiServer{address: address}, n: soakEvents(), start: time.Now(), sent: make(chan struct{}), random: rand.New(rand.NewPCG(5, 6))}
	s.config = webhookConfig(dir, address, more)
	return s
}

// send lets the API servers send.
func (s *soak) send() {
	var senders sync.WaitGroup
	for sender := range soakSenders {
		senders.Go(func() {
			for from := sender * soakBatch; from < s.n; from += soakSenders * soakBatch {
				var lines []string
				for i := range min(soakBatch, s.n-from) {
					lines = append(lines, soakLine(from+i))
				}
				s.api.send(s.t.Context(), eventList(lines))
			}
		})
	}
	go func() {
		senders.Wait()
		close(s.sent)
	}()
}

// up starts the input, down kills it.
func (s *soak) up() { s.process, s.wait = s.player.start() }
func (s *soak) down() {
	s.t.Helper()
	if err := s.process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	_ = s.wait() // it was killed
	s.kills++
}

// until waits for something to come true; false if all was sent before.
func (s *soak) until(what string, ok func() bool) bool {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		select {
		case <-s.sent:
			return ok()
		default:
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("no %s within a minute; answers %v", what, s.api.answers)
		}
	}
	return true
}

// finish waits until all has arrived, ends the input in order and holds what is
// in the index against the ledger: nothing is lost, at most so many events came
// twice, and the search finds exactly the anonymous ones.
func (s *soak) finish(twice int) {
	s.t.Helper()
	<-s.sent
	s.slow = nil
	sent := time.Since(s.start)
	for deadline := time.Now().Add(time.Minute); s.count() < s.n && time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
	}
	_ = s.process.Signal(syscall.SIGTERM)
	if err := s.wait(); err != nil || !s.closed {
		s.t.Errorf("%v, stream closed: %v", err, s.closed)
	}
	lost, more := 0, 0
	var rows []splunkd.Row
	for i := range s.n {
		text := soakLine(i)
		switch n := s.events[text]; n {
		case 0:
			lost++
		default:
			more += n - 1
			for range n {
				rows = append(rows, splunkd.Row{"_raw": {text}})
			}
		}
		delete(s.events, text)
	}
	for odd := range s.events {
		s.t.Errorf("nobody sent %q", odd)
	}
	missed, extra, searchKills := s.search(rows)
	taken := time.Since(s.start)
	s.t.Logf("soak %s: sent %d, arrived %d, lost %d, twice %d (at most %d), kills %d, refused %d, given up %d; search missed %d, extra %d, kills %d; %.1f s, %.0f events/s",
		strings.TrimPrefix(s.t.Name(), "TestSoak/"), s.n, s.n-lost, lost, more, twice, s.kills, s.api.count(4)+s.api.count(5), s.api.dropped, missed, extra, searchKills, taken.Seconds(), float64(s.n)/sent.Seconds())
	if lost > 0 || more > twice || missed > 0 || extra > 0 {
		s.t.Errorf("%d lost, %d twice, %d missed, %d extra", lost, more, missed, extra)
	}
}

// search searches the rows, kills the search now and then, and repeats it as a
// whole, as splunkd does. What is found is told apart by audit ID, stage and
// time, and held against the ledger.
func (s *soak) search(rows []splunkd.Row) (missed, extra, kills int) {
	s.t.Helper()
	for {
		ctx, cancel := context.WithTimeout(s.t.Context(), time.Hour)
		if kills < 3 {
			cancel()
			ctx, cancel = context.WithTimeout(s.t.Context(), time.Duration(1+s.random.IntN(150))*time.Millisecond)
		}
		found, err := splunkd.Search(ctx, os.Args[0], os.Args[0], "", []string{"_raw"}, rows, 500)
		killed := ctx.Err() != nil
		cancel()
		if err != nil && killed {
			kills++
			continue
		}
		if err != nil {
			s.t.Fatal(err)
		}
		got := map[string]bool{}
		for _, row := range found {
			got[fmt.Sprint(row["audit_id"], row["stage"], row["requestReceivedTimestamp"])] = true
		}
		for i := 0; i < s.n; i += soakSecret {
			key := fmt.Sprintf("[%08d] [ResponseComplete] [2026-11-23T09:28:47.%06dZ]", i, i%1_000_000)
			if !got[key] {
				missed++
			}
			delete(got, key)
		}
		return missed, len(got), kills
	}
}

// killed is how many events may come twice for each death: the batches whose
// answers were on their way, and the one that was with splunkd, but not yet
// noted so.
const killed = (soakSenders + 1) * soakBatch

func TestSoak(t *testing.T) {
	// The input is killed after any number of answers, and now and then before it
	// listens.
	t.Run("kill", func(t *testing.T) {
		s := newSoak(t, t.TempDir(), "")
		s.send()
		for {
			s.up()
			next := s.api.count(2) + 1 + s.random.IntN(min(100, s.n/soakBatch/4))
			if !s.until("answer", func() bool { return s.api.count(2) >= next }) {
				break
			}
			s.down()
		}
		if s.kills == 0 {
			t.Error("it was never killed")
		}
		s.finish(s.kills * killed)
	})
	// splunkd does not read until API servers were told to wait, and then reads
	// in small pieces.
	t.Run("slow splunkd", func(t *testing.T) {
		s := newSoak(t, t.TempDir(), `<param name="spool_mb">1</param>`)
		stall := make(chan struct{})
		s.slow = func(stdout io.Reader) io.Reader { return &slowReader{stdout, stall, nil} }
		s.up()
		s.send()
		if !s.until("429", func() bool { return s.api.count(4) > 20 }) {
			t.Error("no API server was told to wait")
		}
		memory := peak(s.process.Pid)
		t.Logf("%d MB of memory while splunkd does not read", memory>>20)
		if memory > 512<<20 { // the race detector takes most of it
			t.Errorf("%d bytes of memory", memory)
		}
		close(stall)
		s.finish(0)
	})
	// splunkd goes in the middle of an event, again and again.
	t.Run("splunkd gone", func(t *testing.T) {
		if runtime.GOOS != "linux" {
			t.Skip("only on Linux a pipe tells what was read")
		}
		s := newSoak(t, t.TempDir(), "")
		s.send()
		for range s.n / 500 { // a quarter of all, or so
			s.slow = func(stdout io.Reader) io.Reader {
				return io.LimitReader(stdout, int64(s.random.IntN(200*len(soakLine(0)))))
			}
			s.up()
			_ = s.wait() // it has nobody to write to
			s.kills++
		}
		s.slow = nil
		s.up()
		s.finish(s.kills * killed)
	})
	// Bodies come in small pieces, and some break off; others are not held up.
	t.Run("slow senders", func(t *testing.T) {
		s := newSoak(t, t.TempDir(), "")
		var mu sync.Mutex
		s.api.body = func(text string) io.Reader {
			mu.Lock()
			defer mu.Unlock()
			switch s.random.IntN(3) {
			case 0:
				return &slowReader{strings.NewReader(text), nil, nil}
			case 1:
				return &slowReader{io.LimitReader(strings.NewReader(text), int64(s.random.IntN(len(text)))), nil, errors.New("broken off")}
			}
			return strings.NewReader(text)
		}
		s.up()
		s.send()
		s.finish(0)
		if s.api.answers[0] == 0 {
			t.Error("nothing broke off")
		}
	})
	// The disk is full and has room again: with a spool, and with its checkpoint.
	t.Run("full disk", func(t *testing.T) {
		if toggleDisk == nil {
			t.Skip("no process can be given a full disk of its own on this system")
		}
		s := newSoak(t, t.TempDir(), "")
		s.env = []string{"KUBEANON_DISK=1"}
		s.up()
		s.send()
		full := 0
		for {
			next := s.api.count(2) + min(s.n/soakBatch/5, 200)
			if !s.until("answer", func() bool { return s.api.count(2) >= next }) {
				break
			}
			before := s.api.count(5)
			_ = s.process.Signal(toggleDisk)
			if s.until("500", func() bool { return s.api.count(5) > before+10 }) {
				full++
			}
			_ = s.process.Signal(toggleDisk)
		}
		t.Logf("the disk was full %d times", full)
		if full == 0 {
			t.Error("no API server was told that the disk is full")
		}
		s.finish(0)
	})
	// The same with a file system that is full, by others and by the spool itself.
	t.Run("full file system", func(t *testing.T) {
		if os.Getenv("KUBEANON_SOAK_LINES") == "" {
			t.Skip("it mounts a file system: ./build.sh soak")
		}
		dir := t.TempDir()
		if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", dir).CombinedOutput(); err != nil {
			t.Logf("soak full file system: NOT TESTED, tmpfs cannot be mounted: %v: %s; the limit on files above stands for it", err, out)
			t.SkipNow()
		}
		t.Cleanup(func() {
			if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
				t.Errorf("umount: %v: %s", err, out)
			}
		})
		s := newSoak(t, dir, "")
		stall := make(chan struct{})
		s.slow = func(stdout io.Reader) io.Reader { return &slowReader{stdout, stall, nil} }
		s.up()
		s.send()
		if !s.until("500", func() bool { return s.api.count(5) > 20 }) {
			t.Error("the spool did not fill its disk")
		}
		close(stall)
		rounds := 5 + s.n/10_000
		for range rounds {
			next := s.api.count(2) + s.n/soakBatch/rounds/2
			s.until("answer", func() bool { return s.api.count(2) >= next })
			filler := filepath.Join(dir, "filler")
			if err := fill(filler); err != nil {
				t.Fatal(err)
			}
			before := s.api.count(5)
			if !s.until("500", func() bool { return s.api.count(5) > before+10 }) {
				t.Error("no API server was told that the disk is full")
			}
			if s.kills < rounds/2 { // it begins anew on a full disk, too
				s.down()
				s.slow = nil
				s.up()
			}
			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
		}
		// What is out cannot always be noted on a full disk: a death may bring all
		// that it holds once more.
		s.finish(s.kills * (killed + 4<<20/len(soakLine(0))))
	})
}

// TestFullDiskFile: while the checkpoint of a log file cannot be saved the input
// waits, and goes on when it can: nothing is lost, and nothing comes twice.
func TestFullDiskFile(t *testing.T) {
	if toggleDisk == nil {
		t.Skip("no process can be given a full disk of its own on this system")
	}
	log := filepath.Join(t.TempDir(), "audit.log")
	f, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	written := 0
	write := func(n int) {
		for range n {
			fmt.Fprintln(f, line(written))
			written++
		}
	}
	checkpoints := t.TempDir()
	s := newPlayer(t, checkpoints, log, "")
	s.env = []string{"KUBEANON_DISK=1"}
	write(100)
	process, wait := s.start()
	for range 2 {
		s.await(written)
		size, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			t.Fatal(err)
		}
		for saved := false; !saved; time.Sleep(time.Millisecond) {
			all, err := checkpoint.List(checkpoints)
			if err != nil {
				t.Fatal(err)
			}
			saved = len(all) == 1 && strings.Contains(string(all[0].State), fmt.Sprintf(`"offset":%d,`, size))
		}
		_ = process.Signal(toggleDisk)
		write(100)
		s.await(written - 99) // some of it is out, and cannot be noted
		write(100)
		_ = process.Signal(toggleDisk)
	}
	s.await(written)
	_ = process.Signal(syscall.SIGTERM)
	if err := wait(); err != nil {
		t.Error(err)
	}
	for i := range written {
		if s.events[line(i)] != 1 {
			t.Errorf("%d times %s", s.events[line(i)], line(i))
		}
	}
}

// fill writes a file until the disk is full.
func fill(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(make([]byte, 1<<12))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		return err
	}
	return nil
}

// slowReader reads nothing until the stall is over, then small pieces, and ends
// with its own error if it has one.
type slowReader struct {
	io.Reader
	stall <-chan struct{}
	end   error
}

func (r *slowReader) Read(p []byte) (int, error) {
	if r.stall != nil {
		<-r.stall
	}
	runtime.Gosched()
	n, err := r.Reader.Read(p[:min(len(p), 512)])
	if err == io.EOF && r.end != nil {
		err = r.end
	}
	return n, err
}

// peak is the most memory that a process has had, in bytes; 0 where the system
// does not say.
func peak(pid int) (bytes int64) {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)) // only Linux has it
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &bytes); err == nil {
			return bytes << 10
		}
	}
	return 0
}
