package collect

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubeanon/kubeanon/internal/collect/checkpoint"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
)

// failing is a sink whose Flush fails.
type failing struct{ err error }

func (failing) Add([]byte, string, time.Time) {}
func (f failing) Flush(context.Context) error { return f.err }

// TestPump: only what a Flush has confirmed counts as sent.
func TestPump(t *testing.T) {
	broken := errors.New("broken")
	var log bytes.Buffer
	counts := &counters{}
	p := newPump("kubeanon://a", failing{broken}, counts, modinput.NewLog(&log))
	p.Add([]byte("1"), "s", time.Time{})
	if err := p.Flush(t.Context()); !errors.Is(err, broken) || counts.sent.Load() != 0 {
		t.Errorf("%v, sent %d", err, counts.sent.Load())
	}
	good := &memory{}
	p = newPump("kubeanon://a", good, counts, modinput.NewLog(&log))
	p.Add([]byte("1"), "s", time.Time{})
	p.Add([]byte("2"), "s", time.Time{})
	if counts.sent.Load() != 0 {
		t.Error("counted before it is durable")
	}
	if err := p.Flush(t.Context()); err != nil || counts.sent.Load() != 2 || len(good.out) != 2 {
		t.Errorf("%v, sent %d, %q", err, counts.sent.Load(), good.out)
	}
	counts.seen.Add(3)
	counts.filtered.Add(1)
	p.report()
	// The dashboard Health reads this line.
	if want := `INFO kubeanon: input="kubeanon://a" seen=3 sent=2 left_out=1` + "\n"; log.String() != want {
		t.Errorf("%q, want %q", log.String(), want)
	}
}

// onWrite calls f with each record of a log.
type onWrite func(record string)

func (f onWrite) Write(p []byte) (int, error) {
	f(string(p))
	return len(p), nil
}

// TestLastSave: a checkpoint that could not be saved is saved a last time when
// the context ends, so that the next start does not bring the batch again.
func TestLastSave(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.json")
	saved, err := checkpoint.OpenFile(file, "n")
	if err != nil {
		t.Fatal(err)
	}
	defer saved.Close()
	obstacle := file + ".new" // a folder, and not an empty one, where the file has to be written first
	if err := os.MkdirAll(filepath.Join(obstacle, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	o := origin{name: "n", log: modinput.NewLog(onWrite(func(record string) {
		tries++
		if !strings.HasPrefix(record, "ERROR kubeanon: nothing is collected until the checkpoint can be saved") {
			t.Errorf("%q", record)
		}
		if err := os.RemoveAll(obstacle); err != nil { // there is room again
			t.Error(err)
		}
		cancel()
	}))}
	if err := o.save(ctx, saved, map[string]int{"a": 1}); err != nil || tries != 1 {
		t.Errorf("%v after %d failures", err, tries)
	}
	state := map[string]int{}
	if found, err := saved.Load(&state); err != nil || !found || state["a"] != 1 {
		t.Errorf("%v, %v, %v", found, err, state)
	}
	// A disk that stays full does not hold the end.
	if err := os.MkdirAll(filepath.Join(obstacle, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	o.log = modinput.NewLog(io.Discard)
	if err := o.save(ctx, saved, state); err == nil {
		t.Error("saved where nothing can be written")
	}
}

// TestOutlive: delivering goes on for a while after the context has ended, and
// not longer.
func TestOutlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		late, stop := outlive(ctx)
		defer stop()
		time.Sleep(time.Hour)
		cancel()
		ended := time.Now()
		time.Sleep(leaving - time.Millisecond)
		if late.Err() != nil {
			t.Error("it has ended too early")
		}
		<-late.Done()
		if since := time.Since(ended); since != leaving {
			t.Errorf("it ended after %s", since)
		}
	})
}

// TestBatch: what was encoded is decoded, and records of nobody are no panic.
func TestBatch(t *testing.T) {
	for _, b := range []batch{{"", [][]byte{[]byte("a")}}, {"prod", [][]byte{[]byte("a"), []byte("b")}}, {"prod", nil}} {
		got, err := decodeBatch(b.encode())
		if err != nil || got.Cluster != b.Cluster || len(got.Events) != len(b.Events) {
			t.Errorf("%v: %v, %v", b, got, err)
		}
		for i := range got.Events {
			if !bytes.Equal(got.Events[i], b.Events[i]) {
				t.Errorf("%v: %v", b, got)
			}
		}
	}
	if (batch{}).source() != "webhook" || (batch{Cluster: "prod"}).source() != "webhook:prod" {
		t.Error("another source")
	}
	if _, err := decodeBatch(nil); !errors.Is(err, errNoBatch) {
		t.Errorf("%v", err)
	}
}
