//go:build linux || darwin

package collect_test

import (
	"os"
	"os/signal"
	"syscall"
)

// fullDisk makes the disk full for this process alone, and gives it room again,
// with each SIGUSR1: by a limit on the size of files, which every write then
// runs into (EFBIG).
func fullDisk() {
	var room syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &room); err != nil {
		panic(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	toggle := make(chan os.Signal, 1)
	signal.Notify(toggle, syscall.SIGUSR1)
	go func() {
		for full := true; ; full = !full {
			<-toggle
			limit := room
			if full {
				limit.Cur = 0
			}
			if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
				panic(err)
			}
		}
	}()
}

var toggleDisk os.Signal = syscall.SIGUSR1
