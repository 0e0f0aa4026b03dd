package collect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// spoolInfo is how much a spool holds.
type spoolInfo struct {
	Bytes   int64 // on the disk
	Waiting int64 // of them not delivered yet
}

// inspectSpool reads how much a spool holds that another process may have open.
// A folder that is not there holds nothing.
func inspectSpool(dir string) (info spoolInfo, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.spool"))
	if err != nil {
		return info, err
	}
	var acked int
	var pos int64
	text, err := os.ReadFile(filepath.Join(dir, "read"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return info, err
	}
	if _, err := fmt.Sscanf(string(text), "%d %d", &acked, &pos); err != nil {
		acked, pos = 0, 0 // nothing is delivered, or half a file: all is read once more
	}
	for _, name := range names {
		var seq int
		if _, err := fmt.Sscanf(filepath.Base(name), "%010d.spool", &seq); err != nil {
			continue
		}
		stat, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // delivered in this moment
		}
		if err != nil {
			return info, err
		}
		info.Bytes += stat.Size()
		switch {
		case seq == acked:
			info.Waiting += max(0, stat.Size()-pos)
		case seq > acked:
			info.Waiting += stat.Size()
		}
	}
	return info, nil
}
