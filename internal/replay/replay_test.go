package replay_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/kubeanon/kubeanon/internal/logfile"
	"github.com/kubeanon/kubeanon/internal/replay"
	"github.com/kubeanon/kubeanon/internal/splunk/hec"
	"github.com/kubeanon/kubeanon/internal/testing/fakehec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func put(t *testing.T, name string, text []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestFind: the forms in which Splunk's attack_data names its files.
func TestFind(t *testing.T) {
	root := t.TempDir()
	log := put(t, filepath.Join(root, "datasets", "attack", "T1", "kube.log"), nil)
	other := put(t, filepath.Join(root, "datasets", "attack", "T1", "other.json"), nil)
	for name, tt := range map[string]struct {
		yml  string
		want []replay.Dataset
		err  string
	}{
		"datasets": {
			"author: x\nid: y\ndatasets:\n- name: a\n  path: /datasets/attack/T1/kube.log\n  sourcetype: kube:audit\n  source: kubernetes\n- name: b\n  path: other.json\n  sourcetype: s\n  source: t\n",
			[]replay.Dataset{{Path: log, Source: "kubernetes", Sourcetype: "kube:audit"}, {Path: other, Source: "t", Sourcetype: "s"}}, "",
		},
		"replay_parameters": {
			"splunk:\n  host: localhost\n  password: x\ndatasets:\n- name: a\n  path: datasets/attack/T1/kube.log\n  replay_parameters:\n    source: s\n    sourcetype: t\n    index: main\n    host: h\n  enabled: True\n- name: b\n  path: nowhere.log\n  enabled: False\n",
			[]replay.Dataset{{Path: log, Source: "s", Sourcetype: "t", Index: "main", Host: "h"}}, "",
		},
		"addresses, one sourcetype": {
			"dataset:\n- https://media.githubusercontent.com/media/splunk/attack_data/master/datasets/attack/T1/kube.log\n- https://github.com/splunk/attack_data/raw/master/datasets/attack/T1/other.json\nsourcetypes:\n- __json\n",
			[]replay.Dataset{{Path: log, Source: "kube.log", Sourcetype: "__json"}, {Path: other, Source: "other.json", Sourcetype: "__json"}}, "",
		},
		"addresses, a sourcetype each": {
			"dataset:\n- https://x/kube.log\n- https://x/other.json\nsourcetypes:\n- a\n- b \n",
			[]replay.Dataset{{Path: log, Source: "kube.log", Sourcetype: "a"}, {Path: other, Source: "other.json", Sourcetype: "b"}}, "",
		},
		"a file that is not there": {
			"dataset:\n- https://x/kube.log\n- https://x/missing.log\n",
			[]replay.Dataset{{Path: log, Source: "kube.log"}}, "/missing.log is not on this machine, neither beside the file nor in its repository; fetch it first",
		},
		"nothing":                   {"author: x\n", nil, "names no data sets"},
		"no path":                   {"datasets:\n- name: x\n", nil, "data set 1 has no path"},
		"a path out of the folder":  {"datasets:\n- path: ../../../../../../etc/passwd\n", nil, "is not on this machine"},
		"no YAML":                   {"a: [", nil, "yaml:"},
		"a list where a map should": {"datasets: x\n", nil, "yaml:"},
	} {
		t.Run(name, func(t *testing.T) {
			yml := put(t, filepath.Join(root, "datasets", "attack", "T1", "set.yml"), []byte(tt.yml))
			got, err := replay.Find([]string{yml})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("%v, want %q", err, tt.err)
			}
		})
	}
}

// TestFindInside: a list of data sets, which may come from the internet with the
// files and links beside it, names nothing outside of its repository, nothing
// that is hidden, and does not fill the memory.
func TestFindInside(t *testing.T) {
	top := t.TempDir()
	put(t, filepath.Join(top, "secret"), []byte("s3cret"))
	root := filepath.Join(top, "repository")
	for _, name := range []string{".git/config", ".ssh/id", "sets/.env", "logs/a.log"} {
		put(t, filepath.Join(root, name), []byte("x"))
	}
	for link, to := range map[string]string{
		"sets/out": "../../secret", "sets/absolute": filepath.Join(top, "secret"), "sets/folder": "../..", "sets/git": "../.git/config", "sets/key": "../.ssh", "sets/good": "../logs/a.log",
	} {
		if err := os.Symlink(to, filepath.Join(root, link)); err != nil {
			t.Skipf("NOT CHECKED: links; this system makes none: %v", err)
		}
	}
	yml := filepath.Join(root, "sets", "set.yml")
	for path, ok := range map[string]bool{
		"sets/good": true, "/logs/a.log": true, "logs/../logs/a.log": true,
		"out": false, "absolute": false, "folder/secret": false, "../../secret": false, filepath.Join(top, "secret"): false,
		".git/config": false, "git": false, "key/id": false, ".ssh/id": false, ".env": false, "sets/.env": false, "logs/../.ssh/id": false, "/dev/zero": false, "/proc/self/environ": false,
	} {
		put(t, yml, fmt.Appendf(nil, "datasets:\n- path: %s\n", path))
		sets, err := replay.Find([]string{yml})
		if (err == nil) != ok || (len(sets) == 1) != ok {
			t.Errorf("%s: %v, %v", path, sets, err)
		}
	}
	put(t, yml, []byte("datasets:\n- path: good\n#"+strings.Repeat("x", 4<<20)))
	if _, err := replay.Find([]string{yml}); err == nil || !strings.Contains(err.Error(), "which no list of data sets has") {
		t.Errorf("a list of 4 MiB: %v", err)
	}
	bomb := "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.Repeat(fmt.Sprintf("*%c,", c-1), 10))
	}
	put(t, yml, []byte(bomb+"dataset: *j\n"))
	if _, err := replay.Find([]string{yml}); err == nil {
		t.Error("ten billion data sets of 500 bytes were read")
	}
}

// into is a sink that keeps everything.
type into struct{ lines []string }

func (s *into) Add(r replay.Record) { s.lines = append(s.lines, string(r.Text)) }
func (s *into) Full() bool          { return false }
func (s *into) Flush(_ context.Context, confirmed func()) error {
	confirmed()
	return nil
}
func (s *into) Settle(context.Context) error { return nil }

// TestRebase: all times of a line move by the same, in the form that they had;
// what is not a time of the audit stays.
func TestRebase(t *testing.T) {
	const shift = 36*time.Hour + 3*time.Minute + 4500*time.Microsecond
	lines := map[string]string{
		`{"requestReceivedTimestamp":"2026-11-23T09:28:47.400470Z","stageTimestamp" : "2026-11-23T09:28:47.401Z","creationTimestamp":"2026-11-23T09:28:47Z"}`:    `{"requestReceivedTimestamp":"2026-11-24T21:31:47.404970Z","stageTimestamp" : "2026-11-24T21:31:47.405Z","creationTimestamp":"2026-11-23T09:28:47Z"}`,
		`2026-11-23T09:28:47.400470123Z stdout F {"stageTimestamp":"2026-11-23T10:28:47.400470+01:00"}`:                                                          `2026-11-24T21:31:47.404970123Z stdout F {"stageTimestamp":"2026-11-24T22:31:47.404970+01:00"}`,
		`{"time":"1763890127.400470","event":"{\"stageTimestamp\":\"2026-11-23T09:28:47.400470Z\"}"}`:                                                            `{"time":"1764019907.404970","event":"{\"stageTimestamp\":\"2026-11-24T21:31:47.404970Z\"}"}`,
		`{"timestamp":1763890127400,"ingestionTime":1763890127,"message":"{\\\"requestReceivedTimestamp\\\":\\\"2026-11-23T09:28:47Z\\\"}","uptime":1763890127}`: `{"timestamp":1764019907404,"ingestionTime":1764019907,"message":"{\\\"requestReceivedTimestamp\\\":\\\"2026-11-24T21:31:47Z\\\"}","uptime":1763890127}`,
		`{"@timestamp":"2026-11-23 09:28:47Z","timestamp":"2026-13-45T99:00:00Z","eventTime":null,"time":17}`:                                                    `{"@timestamp":"2026-11-24 21:31:47Z","timestamp":"2026-13-45T99:00:00Z","eventTime":null,"time":17}`,
		`no time at all`: `no time at all`,
	}
	for in, want := range lines {
		sink := &into{}
		r := replay.Replay{
			Datasets: []replay.Dataset{{Path: put(t, filepath.Join(t.TempDir(), "a.log"), []byte(in+"\n"))}},
			Sink:     sink, State: &replay.State{Shift: shift},
		}
		if err := r.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{want}, sink.lines); diff != "" {
			t.Error(diff)
		}
	}
}

// FuzzRebase: only times change. What a move makes of a line is the line again
// where digits, and what stands for a zone, are left out of both.
func FuzzRebase(f *testing.F) {
	f.Add(`{"requestReceivedTimestamp":"2026-11-23T09:28:47.400470Z","time":1763890127}`, int64(3600))
	f.Add(`2026-11-23T09:28:47.4+01:00 {"message":"{\"stageTimestamp\":\"2026-11-23T09:28:47Z\"}"}`, int64(-86400))
	f.Fuzz(func(t *testing.T, line string, seconds int64) {
		if strings.ContainsAny(line, "\r\n") || strings.TrimSpace(line) == "" || seconds > 1e8 || seconds < -1e8 {
			return // no line, or no move that Splunk would index
		}
		by := time.Duration(seconds) * time.Second
		there := move(t, line, by)
		rest := strings.NewReplacer("0", "", "1", "", "2", "", "3", "", "4", "", "5", "", "6", "", "7", "", "8", "", "9", "", "-", "", "+", "")
		if got, want := rest.Replace(there), rest.Replace(line); got != want {
			t.Errorf("%q becomes %q", line, there)
		}
		// The way back leads to the same line, but that a date may be written otherwise.
		back := move(t, there, -by)
		if again := move(t, back, by); again != there {
			t.Errorf("%q becomes %q, back %q, and again %q", line, there, back, again)
		}
	})
}

// move returns the line moved. Another line stands before it, so that no line is
// the opening of a packed file, an archive, or text in UTF-16.
func move(t *testing.T, line string, by time.Duration) string {
	t.Helper()
	sink := &into{}
	r := replay.Replay{Datasets: []replay.Dataset{{Path: logfile.Stdin}}, Stdin: strings.NewReader("no time\n" + line + "\n"), Sink: sink, State: &replay.State{Shift: by}}
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return strings.Join(sink.lines[1:], "\n")
}

// events writes a log with n events, a second apart.
func events(n int) []byte {
	var b bytes.Buffer
	begin := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	for i := range n {
		fmt.Fprintf(&b, `{"kind":"Event","auditID":"id-%d","stage":"ResponseComplete","requestReceivedTimestamp":"%s"}`+"\n", i, begin.Add(time.Duration(i)*time.Second).Format("2006-01-02T15:04:05.000000Z"))
	}
	return b.Bytes()
}

// TestNewest: what "now" is measured from.
func TestNewest(t *testing.T) {
	sets := []replay.Dataset{
		{Path: put(t, filepath.Join(t.TempDir(), "a"), events(100))},
		{Path: put(t, filepath.Join(t.TempDir(), "b"), events(7))},
	}
	newest, err := replay.Newest(t.Context(), sets, nil)
	if want := time.Date(2026, 11, 23, 9, 1, 39, 0, time.UTC); err != nil || !newest.Equal(want) {
		t.Errorf("%s, want %s: %v", newest, want, err)
	}
}

// TestKilled is the whole of it: 100,000 events in three files, one of them
// packed, through a collector that is busy, breaks, throttles and finds batches
// too large; killed twice, and resumed. Nothing is lost; twice comes only what
// was on its way when it was killed or cut off.
func TestKilled(t *testing.T) {
	for _, ack := range []bool{false, true} {
		t.Run(fmt.Sprintf("ack=%v", ack), func(t *testing.T) {
			dir := t.TempDir()
			text := events(100_000)
			third := bytes.IndexByte(text[len(text)/3:], '\n') + len(text)/3 + 1
			half := bytes.IndexByte(text[len(text)/2:], '\n') + len(text)/2 + 1
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			_, _ = w.Write(text[third:half])
			_ = w.Close()
			var sets []replay.Dataset
			for name, part := range map[string][]byte{"1.log": text[:third], "2.log.gz": packed.Bytes(), "3.log": text[half:]} {
				sets = append(sets, replay.Dataset{Path: put(t, filepath.Join(dir, name), part)})
			}
			fake := &fakehec.Collector{Token: "t", UseACK: ack, MaxSize: 100_000, Fault: func(request int) fakehec.Fault {
				return map[int]fakehec.Fault{3: fakehec.Busy, 9: fakehec.Reset, 14: fakehec.Swallowed, 17: fakehec.BadProxy, 21: fakehec.Error, 24: fakehec.Nearly}[request%30]
			}}
			server := httptest.NewServer(fake)
			defer server.Close()

			var kept []byte // the resume file
			var again, atKill int64
			for life := range 3 {
				c := &hec.Client{URL: server.URL, Token: "t", Gzip: true, Ack: ack, Wait: time.Millisecond, Warn: func(string, ...any) {}}
				if err := c.Open(""); err != nil {
					t.Fatal(err)
				}
				state := &replay.State{}
				if kept != nil {
					if err := json.Unmarshal(kept, state); err != nil {
						t.Fatal(err)
					}
				}
				ctx, kill := context.WithCancel(t.Context())
				saves := 0
				r := replay.Replay{Datasets: sets, Sink: replay.HEC{Client: c}, State: state, Save: func() (err error) {
					if ctx.Err() == nil { // a dead process saves nothing
						kept, err = json.Marshal(state)
					}
					if saves++; life < 2 && saves == 20 {
						kill()
					}
					return err
				}}
				err := r.Run(ctx)
				kill()
				c.Close()
				again += c.Again
				if life < 2 {
					if !errors.Is(err, context.Canceled) {
						t.Fatalf("life %d: %v", life, err)
					}
					atKill += 17 * 1000 // at most: the batches that were not confirmed
				} else if err != nil {
					t.Fatal(err)
				}
			}
			got := map[string]bool{}
			all := fake.Events()
			for _, e := range all {
				got[e.Text()] = true
			}
			twice := int64(len(all) - len(got))
			t.Logf("%d of 100000 events, %d twice, %d requests, %d of them repeated", len(got), twice, fake.Requests(), again)
			if len(got) != 100_000 {
				t.Errorf("%d events are lost", 100_000-len(got))
			}
			if allowed := 1000*again + atKill; twice > allowed {
				t.Errorf("%d twice, but only %d were on their way", twice, allowed)
			}
		})
	}
}

// TestOtherFile: a resume file does not skip lines of another file.
func TestOtherFile(t *testing.T) {
	name := put(t, filepath.Join(t.TempDir(), "a"), events(3))
	state := &replay.State{Files: map[string]replay.Done{name: {Lines: 2, Fingerprint: "other"}}}
	r := replay.Replay{Datasets: []replay.Dataset{{Path: name}}, Sink: &into{}, State: state}
	if err := r.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "the resume file knows another file of this name") {
		t.Error(err)
	}
}

// TestRate: by the clock of the test, events go out at the rate that was asked
// for, or as many times as fast as they happened.
func TestRate(t *testing.T) {
	name := put(t, filepath.Join(t.TempDir(), "a"), events(1000))
	for want, set := range map[time.Duration]func(*replay.Replay){
		99 * time.Second:          func(r *replay.Replay) { r.Rate = 10 },
		99900 * time.Millisecond:  func(r *replay.Replay) { r.Speed = 10 },
		1998 * time.Second:        func(r *replay.Replay) { r.Speed = 0.5 },
		0:                         func(r *replay.Replay) {},
		999990 * time.Millisecond: func(r *replay.Replay) { r.Speed = 1; r.State.Shift = 42 * time.Hour },
	} {
		synctest.Test(t, func(t *testing.T) {
			r := replay.Replay{Datasets: []replay.Dataset{{Path: name}}, Sink: &into{}, State: &replay.State{}}
			set(&r)
			begin := time.Now()
			if err := r.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(begin); (took - want).Abs() > time.Second+want/100 {
				t.Errorf("took %s, want %s", took, want)
			}
		})
	}
}
