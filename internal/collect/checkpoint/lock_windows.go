package checkpoint

import (
	"os"

	"golang.org/x/sys/windows"
)

// flock locks the file for this process; the system lets go when it ends.
func flock(f *os.File) error {
	return windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, new(windows.Overlapped))
}
