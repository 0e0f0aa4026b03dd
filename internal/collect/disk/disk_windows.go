package disk

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// Windows has neither flag: names are compared with what was opened, and no FIFO
// has a name in a folder.
const noFollow, nonBlock = 0, 0

// flock locks the open file; the system lets go when it is closed.
func flock(f *os.File) error {
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return ErrLocked
	}
	return err
}
