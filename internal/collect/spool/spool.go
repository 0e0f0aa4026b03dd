// Package spool keeps batches on the disk between the moment they are accepted
// and the moment they are delivered: a batch survives a crash as soon as Append
// has returned.
//
// A spool is a folder of segments, files of frames that are only appended to. A
// frame is a batch: its length and its CRC-32C, 4 bytes each, big endian, then
// the records, each after its own length. A frame that a crash cut off was
// never accepted, and is dropped.
package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/kubeanon/kubeanon/internal/collect/disk"
)

var (
	// ErrFull says that the spool holds as much as it may: whoever sends must wait.
	ErrFull = errors.New("the spool is full")

	// ErrLocked says that the spool is open already.
	ErrLocked = errors.New("another process uses the spool")
)

const (
	// markName is the file that says how far the batches are delivered.
	markName = "read"

	// lockName is the file that the process locks that has the spool open.
	lockName = "lock"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Spool is a queue on disk with any number of writers and one reader.
type Spool struct {
	dir   string
	limit int64
	warn  func(format string, args ...any)
	lock  *os.File

	appending sync.Mutex // one Append at a time
	marking   sync.Mutex // one mark is written at a time
	reader    reader     // used by Next alone

	mu        sync.Mutex // guards what follows; no disk is waited for while it is held
	more      sync.Cond
	closed    bool
	writer    writer
	segments  []segment // in order
	bytes     int64     // of all segments
	passed    int64     // segments with lower numbers were read to their end
	handed    mark      // the end of the last batch that Next returned
	delivered mark
}

// writer is where Append writes.
type writer struct {
	file *os.File // nil if the next Append has to begin it
	seq  int64
	len  int64 // of its whole batches
}

// Open opens the spool in dir and makes it if it is not there. It holds at most
// limit bytes. One process may have it open; it stays locked until Next returns
// io.EOF, Release is called or the process ends. Damage is reported to warn.
func Open(dir string, limit int64, warn func(format string, args ...any)) (s *Spool, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	lock, err := disk.Lock(filepath.Join(dir, lockName))
	if errors.Is(err, disk.ErrLocked) {
		return nil, fmt.Errorf("%w in %s; give each process a folder of its own", ErrLocked, dir)
	}
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			lock.Close() // nothing was written
		}
	}()
	s = &Spool{dir: dir, limit: limit, warn: warn, lock: lock}
	s.more.L = &s.mu
	segments, odd, err := list(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range odd {
		warn("spool: %s is not a segment: it is neither read nor removed", filepath.Join(dir, name))
	}
	s.segments = segments
	for _, segment := range segments {
		s.bytes += segment.size
	}
	if s.delivered, err = s.loadMark(); err != nil {
		return nil, err
	}
	s.handed = s.delivered
	s.reader = reader{seq: s.delivered.seq, pos: s.delivered.pos}
	// The last segment may end in half a frame: a new one is begun. Its number is
	// above that of the mark, or it would be taken for delivered.
	s.writer.seq = s.delivered.seq + 1
	if len(segments) > 0 {
		s.writer.seq = max(s.writer.seq, segments[len(segments)-1].seq+1)
	}
	return s, nil
}

// loadMark reads how far the batches are delivered. A mark that cannot be true
// is removed: everything is delivered again then, and nothing is lost.
func (s *Spool) loadMark() (mark, error) {
	m, err := readMark(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return mark{}, nil
	}
	if err == nil {
		if err = s.checkMark(m); err == nil {
			return m, nil
		}
	}
	s.warn("spool: %v; all batches of %s are delivered once more", err, s.dir)
	if err := os.Remove(filepath.Join(s.dir, markName)); err != nil {
		return mark{}, err
	}
	return mark{}, nil
}

// checkMark reports why a mark cannot be true: delivered segments are removed
// before the mark moves on, and it is always between two batches.
func (s *Spool) checkMark(m mark) error {
	if len(s.segments) == 0 || s.segments[0].seq > m.seq {
		return nil
	}
	if first := s.segments[0]; first.seq < m.seq {
		return fmt.Errorf("the mark is in segment %d, but segment %d is still there", m.seq, first.seq)
	}
	f, err := disk.Open(s.path(m.seq))
	if err != nil {
		return err
	}
	defer f.Close() // only read
	for pos := int64(0); pos != m.pos; {
		size, err := frameSize(f, pos, s.segments[0].size)
		if err != nil && !errors.Is(err, errDamaged) || pos+size > m.pos {
			return fmt.Errorf("the mark at byte %d of segment %d is not the end of a batch", m.pos, m.seq)
		}
		pos += size
	}
	return nil
}

func (s *Spool) path(seq int64) string { return filepath.Join(s.dir, segmentName(seq)) }

// begin begins the next segment. To be called with appending held.
func (s *Spool) begin() error {
	var f *os.File
	for {
		var err error
		f, err = os.OpenFile(s.path(s.writer.seq), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		s.warn("spool: %s was put there by somebody else", s.path(s.writer.seq))
		s.mu.Lock()
		s.writer.seq++
		s.mu.Unlock()
	}
	if err := syncDir(s.dir); err != nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writer.file, s.writer.len = f, 0
	s.segments = append(s.segments, segment{seq: s.writer.seq})
	return nil
}

// retire ends the segment that is written: the next batch goes into a new one,
// and this one is removed when it is delivered. To be called with mu held.
func (s *Spool) retire() {
	s.writer.file.Close() // every frame of it was synced
	s.writer = writer{seq: s.writer.seq + 1}
	s.more.Broadcast()
}

// grow notes that the segment that is written, the last one, has n bytes more.
// To be called with mu held.
func (s *Spool) grow(n int64) {
	s.segments[len(s.segments)-1].size += n
	s.bytes += n
}

// syncDir makes the names in a folder durable, where the system can.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	_ = d.Sync() // not every system can; there the file system has its own ways
	return nil
}

// frameOf is a batch as it is in a segment.
func frameOf(records [][]byte) ([]byte, error) {
	size := 0
	for _, r := range records {
		size += 4 + len(r)
	}
	if size > maxFrame {
		return nil, fmt.Errorf("a batch of %d bytes, but at most %d can be kept", size, maxFrame)
	}
	frame := make([]byte, headSize, headSize+size)
	for _, r := range records {
		frame = binary.BigEndian.AppendUint32(frame, uint32(len(r))) //nolint:gosec // at most maxFrame
		frame = append(frame, r...)
	}
	binary.BigEndian.PutUint32(frame, uint32(size))
	binary.BigEndian.PutUint32(frame[4:], crc32.Checksum(frame[headSize:], castagnoli))
	return frame, nil
}

// Append adds a batch. When it returns without an error, the batch is on the
// disk. ErrFull: nothing was added. A batch without records is nothing to keep.
func (s *Spool) Append(records [][]byte) error {
	if len(records) == 0 {
		return nil
	}
	frame, err := frameOf(records)
	if err != nil {
		return err
	}
	s.appending.Lock()
	defer s.appending.Unlock()
	s.mu.Lock()
	closed, full := s.closed, s.bytes+int64(len(frame)) > s.limit
	if full && s.writer.len > 0 {
		s.retire() // else the delivered part of it would take the room for good
	}
	s.mu.Unlock()
	switch {
	case closed:
		return os.ErrClosed
	case full:
		return ErrFull
	}
	if s.writer.file == nil {
		if err := s.begin(); err != nil {
			return err
		}
	}
	_, err = s.writer.file.WriteAt(frame, s.writer.len)
	if err == nil {
		err = s.writer.file.Sync()
	}
	if err != nil {
		return s.abandon(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writer.len += int64(len(frame))
	s.grow(int64(len(frame)))
	s.more.Broadcast()
	if s.writer.len >= segmentSize {
		s.retire()
	}
	return nil
}

// abandon leaves a segment of which nobody knows what is on the disk: what was
// accepted before stays, and the next batch goes into a new one. To be called
// with appending held.
func (s *Spool) abandon(err error) error {
	rest := int64(0)
	if terr := s.writer.file.Truncate(s.writer.len); terr != nil {
		err = errors.Join(err, terr)
		if info, serr := s.writer.file.Stat(); serr == nil {
			rest = info.Size() - s.writer.len
		}
	} else if s.writer.len == 0 {
		return err // there is nothing in it: a disk that stays full must not fill with names
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grow(rest)
	s.retire()
	return err
}

// Size is how many bytes are on the disk.
func (s *Spool) Size() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

// Waiting is how many of them are not delivered yet: delivered segments are
// removed as a whole, so that up to one of an empty spool is on the disk.
func (s *Spool) Waiting() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return waiting(s.segments, s.bytes, s.delivered)
}

// Close ends Append; Next returns what is left, and then io.EOF.
func (s *Spool) Close() error {
	s.appending.Lock()
	defer s.appending.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.more.Broadcast()
	if s.writer.file == nil {
		return nil
	}
	err := s.writer.file.Close()
	s.writer.file = nil
	return err
}

// Release lets the spool be opened again, whatever is left in it. Append and Next
// must not be called afterwards.
func (s *Spool) Release() error {
	err := s.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reader.move(s.reader.seq)
	s.lock.Close() // nothing was written
	return err
}
