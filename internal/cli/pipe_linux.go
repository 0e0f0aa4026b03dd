package cli

import (
	"os"

	"golang.org/x/sys/unix"
)

// growPipe asks for a larger pipe from splunkd, 1 MiB instead of 64 KiB: that
// saves most of the switching between the two processes. The kernel lets
// anybody go up to /proc/sys/fs/pipe-max-size; where it refuses, or where
// standard input is no pipe, all works as before.
func growPipe(f *os.File) {
	_, _ = unix.FcntlInt(f.Fd(), unix.F_SETPIPE_SZ, 1<<20)
}
