//go:build unix

package checkpoint

import (
	"os"

	"golang.org/x/sys/unix"
)

// flock locks the file for this process; the system lets go when it ends.
func flock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
