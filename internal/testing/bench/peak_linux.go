package main

import (
	"fmt"
	"os"
	"strings"
)

// peak is the most memory that a running process has held, in bytes; 0 once it
// is gone. What wait4 tells of it will not do: that counts the memory of the
// process which started it, too.
func peak(pid int) (bytes int64) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if kib, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			_, _ = fmt.Sscan(kib, &bytes)
		}
	}
	return bytes << 10
}
