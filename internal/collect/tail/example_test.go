package tail_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/kubeanon/kubeanon/internal/collect/tail"
)

// A file is read on where it was left, whatever it is called by then.
func Example() {
	dir, _ := os.MkdirTemp("", "tail")
	defer func() { _ = os.RemoveAll(dir) }()
	log := filepath.Join(dir, "audit.log")
	state := &tail.State{}
	run := func(first bool) {
		ended, end := context.WithCancel(context.Background())
		end() // a context that is over: what is there is read, and no more waited for
		t := tail.Tail{
			Glob: log, Poll: time.Second, State: state, First: first,
			Out: func(lines []tail.Line) error {
				for _, line := range lines {
					fmt.Printf("%s: %s\n", filepath.Base(line.Path), line.Text)
				}
				return nil
			},
			Save: func() error { return nil }, // a checkpoint, in earnest
			Warn: func(format string, args ...any) { fmt.Printf(format+"\n", args...) },
		}
		if err := t.Run(ended); err != nil {
			fmt.Println(err)
		}
	}
	_ = os.WriteFile(log, []byte("one\ntwo\n"), 0o600)
	run(true)
	_ = os.Rename(log, log+".1")
	_ = os.WriteFile(log, []byte("three\n"), 0o600)
	run(false)
	// Output:
	// audit.log: one
	// audit.log: two
	// audit.log: three
}
