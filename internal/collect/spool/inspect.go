package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/kubeanon/kubeanon/internal/collect/disk"
)

// Info is what a spool holds.
type Info struct {
	Bytes   int64 // on the disk
	Waiting int64 // of them, not yet delivered
}

// Inspect looks into the spool in dir while somebody else may use it: it only
// reads, and takes no lock. What it says may be a moment old.
func Inspect(dir string) (Info, error) {
	// The mark first: what is delivered meanwhile then counts as waiting.
	delivered, err := readMark(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		delivered = mark{} // everything would be delivered again
	}
	segments, _, err := list(dir)
	if err != nil {
		return Info{}, err
	}
	var info Info
	for _, s := range segments {
		info.Bytes += s.size
	}
	return Info{info.Bytes, waiting(segments, info.Bytes, delivered)}, nil
}

// mark is a place in a spool: all before it is delivered.
type mark struct {
	seq int64
	pos int64
}

// segment is one file of a spool.
type segment struct {
	seq  int64
	size int64
}

// waiting is how many bytes of the segments follow a mark. A mark beyond its
// segment is damaged: everything would be delivered again.
func waiting(segments []segment, bytes int64, delivered mark) int64 {
	if len(segments) > 0 && segments[0].seq == delivered.seq && delivered.pos <= segments[0].size {
		return bytes - delivered.pos
	}
	return bytes
}

func segmentName(seq int64) string { return fmt.Sprintf("%010d.spool", seq) }

// seqOf is the number in the name of a segment.
func seqOf(name string) (seq int64, ok bool) {
	digits, ok := strings.CutSuffix(name, ".spool")
	if !ok {
		return 0, false
	}
	seq, err := strconv.ParseInt(digits, 10, 64)
	return seq, err == nil && seq > 0 && seq <= maxSeq && segmentName(seq) == name
}

// list lists the segments of a folder in order, and the names of what ends as
// they do and is none.
func list(dir string) (segments []segment, odd []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".spool") {
			continue
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was delivered meanwhile
		}
		if err != nil {
			return nil, nil, err
		}
		seq, ok := seqOf(entry.Name())
		if !ok || !info.Mode().IsRegular() {
			odd = append(odd, entry.Name())
			continue
		}
		segments = append(segments, segment{seq, info.Size()})
	}
	slices.SortFunc(segments, func(a, b segment) int { return int(a.seq - b.seq) })
	return segments, odd, nil
}

// readMark reads how far the batches are delivered. The error is fs.ErrNotExist
// if nothing was yet.
func readMark(dir string) (m mark, err error) {
	f, err := disk.Open(filepath.Join(dir, markName))
	if err != nil {
		return mark{}, err
	}
	defer f.Close() // only read
	text, err := io.ReadAll(io.LimitReader(f, maxMark))
	if err != nil {
		return mark{}, err
	}
	if _, err := fmt.Sscanf(string(text), "%d %d\n", &m.seq, &m.pos); err != nil || m.seq < 0 || m.seq > maxSeq || m.pos < 0 {
		return mark{}, fmt.Errorf("%s is damaged", f.Name())
	}
	return m, nil
}
