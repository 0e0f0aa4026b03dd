package doctor

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeanon/kubeanon/internal/collect/checkpoint"
	"github.com/kubeanon/kubeanon/internal/collect/spool"
)

// installation is one with inputs in local/inputs.conf.
func installation(t *testing.T, inputs string) *Installation {
	t.Helper()
	in := &Installation{App: t.TempDir(), Checkpoints: t.TempDir(), Now: time.Now()}
	write(t, filepath.Join(in.App, "local", "inputs.conf"), inputs)
	return in
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// saved writes a checkpoint of a stanza that is so old.
func (in *Installation) saved(t *testing.T, stanza string, age time.Duration) {
	t.Helper()
	f, err := checkpoint.Open(in.Checkpoints, stanza)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Save(stanza, struct{}{}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(in.Checkpoints, "*.json"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	if err := os.Chtimes(files[0], time.Time{}, in.Now.Add(-age)); err != nil {
		t.Fatal(err)
	}
}

// waiting puts so many bytes into the spool of a stanza.
func (in *Installation) waiting(t *testing.T, stanza string, bytes int) {
	t.Helper()
	sum := sha256.Sum256([]byte(stanza))
	s, err := spool.Open(filepath.Join(in.Checkpoints, "spool-"+hex.EncodeToString(sum[:8])), 1<<30, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Append([][]byte{{}, make([]byte, bytes)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestInputs: every kind of source, and every state of it.
func TestInputs(t *testing.T) {
	log := filepath.Join(t.TempDir(), "audit.log")
	write(t, log, "x\n")
	const name = "kubeanon://a"
	files := "[kubeanon://a]\nsource = file://" + log + "\n"
	const hook = "[kubeanon://a]\nsource = http://127.0.0.1:9080/audit\n"
	const group = "[kubeanon://a]\nsource = cloudwatch://eu-west-1//aws/eks/a/cluster\n"
	for _, tc := range []struct {
		name, inputs string
		prepare      func(t *testing.T, in *Installation)
		state        State
		found        string // a part of it
	}{
		{"files, not collected", files, nil, Warn, "it has no checkpoint"},
		{"files, read", files, func(t *testing.T, in *Installation) { t.Helper(); in.saved(t, name, 0) }, OK, "1 files, written to"},
		{"files, late", files, func(t *testing.T, in *Installation) { t.Helper(); in.saved(t, name, time.Hour) }, Warn, "1 files, written to"},
		{"files, none", "[kubeanon://a]\nsource = file:///nowhere/x*.log\n", nil, Warn, "no file is named /nowhere/x*.log"},
		{"webhook, new", hook, nil, OK, "receives on 127.0.0.1:9080; 0.0 MB"},
		{"webhook, some wait", hook, func(t *testing.T, in *Installation) { t.Helper(); in.waiting(t, name, 3_000_000) }, OK, "3.0 MB"},
		{"webhook, much waits", hook, func(t *testing.T, in *Installation) { t.Helper(); in.waiting(t, name, 20_000_000) }, Warn, "20.0 MB"},
		{"webhook, much waits in another spool", hook, func(t *testing.T, in *Installation) { t.Helper(); in.waiting(t, "kubeanon://b", 20_000_000) }, OK, "0.0 MB"},
		{"log group, not collected", group, nil, Warn, "it has no checkpoint"},
		{"log group, collected", group, func(t *testing.T, in *Installation) { t.Helper(); in.saved(t, name, time.Minute) }, OK, "its checkpoint was saved 1m0s ago"},
		{"log group, late", group, func(t *testing.T, in *Installation) { t.Helper(); in.saved(t, name, time.Hour) }, Warn, "its checkpoint was saved 1h0m0s ago"},
		{"disabled", files + "disabled = 1\n", nil, OK, "disabled"},
		{"wrong", "[kubeanon://a]\nsource = ftp://x\n", nil, Fail, "ftp:// is not supported"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := installation(t, tc.inputs)
			if tc.prepare != nil {
				tc.prepare(t, in)
			}
			lines := in.inputs()
			if len(lines) != 1 || lines[0].Check != name || lines[0].State != tc.state || !strings.Contains(lines[0].Found, tc.found) {
				t.Fatalf("%+v", lines)
			}
			if (lines[0].State == OK) != (lines[0].Advice == "") {
				t.Errorf("advice of %s: %q", lines[0].State, lines[0].Advice)
			}
		})
	}
}

// TestInputsAll: each input has a line, in the order of their names, and a
// checkpoint that cannot be read has one, too. Other stanzas have none.
func TestInputsAll(t *testing.T) {
	in := installation(t, "[kubeanon://b]\ndisabled = 1\nsource = file:///x\n[kubeanon://a]\ndisabled = true\nsource = file:///x\n[monitor:///y]\nindex = main\n")
	write(t, filepath.Join(in.Checkpoints, "kubeanon-1.json"), "{")
	var got []string
	for _, l := range in.inputs() {
		got = append(got, string(l.State)+" "+l.Check)
	}
	if diff := cmp.Diff([]string{"fail checkpoints", "ok kubeanon://a", "ok kubeanon://b"}, got); diff != "" {
		t.Error(diff)
	}
}

// TestFind: the folder around the binary comes first, then $SPLUNK_HOME.
func TestFind(t *testing.T) {
	home := t.TempDir()
	app := filepath.Join(home, "etc", "apps", "kubeanon")
	write(t, filepath.Join(app, "default", "commands.conf"), "")
	checkpoints := filepath.Join(home, "var", "lib", "splunk", "modinputs", "kubeanon")
	for _, tc := range [][2]string{{filepath.Join(app, "bin", "kubeanon"), ""}, {filepath.Join(t.TempDir(), "bin", "kubeanon"), home}} {
		if a, c := Find(tc[0], tc[1]); a != app || c != checkpoints {
			t.Errorf("%v: %s, %s", tc, a, c)
		}
	}
}
