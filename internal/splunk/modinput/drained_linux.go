package modinput

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// lastLook is the longest wait between two looks at a pipe, in milliseconds.
const lastLook = 32

// drained returns when the other side has read all that stands in a pipe, or
// with EPIPE when there is no other side any more.
func drained(pipe *os.File) error {
	conn, err := pipe.SyscallConn()
	if err != nil {
		return err
	}
	var left int
	var ierr error
	for wait := 1; ; wait = min(2*wait, lastLook) {
		err := conn.Control(func(fd uintptr) {
			if left, ierr = unix.IoctlGetInt(int(fd), unix.TIOCINQ); ierr != nil || left == 0 {
				return
			}
			// Asked for nothing, poll still says that nobody reads.
			look := []unix.PollFd{{Fd: int32(fd)}} //nolint:gosec // descriptors are small
			if _, perr := unix.Poll(look, wait); perr != nil && !errors.Is(perr, syscall.EINTR) {
				ierr = perr
			} else if look[0].Revents&unix.POLLERR != 0 {
				ierr = syscall.EPIPE
			}
		})
		if err := errors.Join(err, ierr); err != nil || left == 0 {
			return err
		}
	}
}
