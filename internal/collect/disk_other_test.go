//go:build !linux && !darwin

package collect_test

import "os"

// toggleDisk is nil where no process can be given a full disk of its own.
var toggleDisk os.Signal

func fullDisk() {}
