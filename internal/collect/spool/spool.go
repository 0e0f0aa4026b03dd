// Package spool keeps batches on the disk between the moment they are accepted
// and the moment they are out: what Append has returned for survives a crash.
//
// It is a folder of segments, files of frames that are only appended to. A
// frame is a batch: its length and its CRC-32C, 4 bytes each, big endian, then
// the records, each behind its own length. A frame that a crash cut off was
// never accepted, and is dropped.
package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// ErrFull says that the spool holds as much as it may: take it to whoever sends.
var ErrFull = errors.New("the spool is full")

// markName is the file that says how far the batches are delivered.
const markName = "read"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Spool is a queue on disk with any number of writers and one reader.
type Spool struct {
	dir   string
	limit int64
	// Warn is told about damage; to be set before the first use.
	Warn func(format string, args ...any)

	write sync.Mutex // one Append at a time
	mu    sync.Mutex // guards what follows
	more  sync.Cond

	out    *os.File // the last segment, that is appended to; nil if the next Append has to begin it
	outSeq int
	outLen int64 // of its whole batches
	bytes  int64 // of all segments
	closed bool

	in    *os.File // the segment that is read
	inSeq int
	inPos int64
	segs  []int // all segments, in order

	ackSeq int // how far the batches are out for good
	ackPos int64
}

// Open opens the spool in dir and makes it if it is not there. It holds at most
// limit bytes. One process may have it open.
func Open(dir string, limit int64) (*Spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	s := &Spool{dir: dir, limit: limit, Warn: func(string, ...any) {}}
	s.more.L = &s.mu
	names, err := filepath.Glob(filepath.Join(dir, "*.spool"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		var seq int
		info, err := os.Stat(name)
		if _, serr := fmt.Sscanf(filepath.Base(name), "%010d.spool", &seq); serr != nil || err != nil {
			continue
		}
		s.segs = append(s.segs, seq)
		s.bytes += info.Size()
	}
	slices.Sort(s.segs)
	if text, err := os.ReadFile(s.ackPath()); err == nil {
		if _, err := fmt.Sscanf(string(text), "%d %d", &s.inSeq, &s.inPos); err != nil {
			s.inSeq, s.inPos = 0, 0 // half a file: everything is read once more
		}
		s.ackSeq, s.ackPos = s.inSeq, s.inPos
	}
	// The last segment may end in half a frame: a new one is begun behind it. Its
	// number is above what was read, or it would be taken for read.
	s.outSeq = s.inSeq + 1
	if len(s.segs) > 0 {
		s.outSeq = max(s.outSeq, s.segs[len(s.segs)-1]+1)
	}
	return s, nil
}

func (s *Spool) path(seq int) string { return filepath.Join(s.dir, fmt.Sprintf("%010d.spool", seq)) }
func (s *Spool) ackPath() string     { return filepath.Join(s.dir, "read") }

// begin begins the segment outSeq.
func (s *Spool) begin() error {
	f, err := os.OpenFile(s.path(s.outSeq), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := syncDir(s.dir); err != nil {
		return errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out, s.outLen = f, 0
	s.segs = append(s.segs, s.outSeq)
	return nil
}

// retire ends the last segment: what follows goes into a new one, and this one
// goes as soon as it is read. To be called with mu held.
func (s *Spool) retire() {
	s.out.Close() // every frame of it was synced
	s.out, s.outLen = nil, 0
	s.outSeq++
	s.more.Broadcast()
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

// Append adds a batch. When it returns without an error, the batch is on the
// disk. ErrFull: nothing was added.
func (s *Spool) Append(records [][]byte) error {
	size := 0
	for _, r := range records {
		size += 4 + len(r)
	}
	if size > maxFrame {
		return fmt.Errorf("a batch of %d bytes, but at most %d can be kept", size, maxFrame)
	}
	frame := make([]byte, headSize, headSize+size)
	for _, r := range records {
		frame = binary.BigEndian.AppendUint32(frame, uint32(len(r))) //nolint:gosec // at most maxFrame
		frame = append(frame, r...)
	}
	binary.BigEndian.PutUint32(frame, uint32(size))
	binary.BigEndian.PutUint32(frame[4:], crc32.Checksum(frame[headSize:], castagnoli))

	s.write.Lock()
	defer s.write.Unlock()
	s.mu.Lock()
	closed, full := s.closed, s.bytes+int64(len(frame)) > s.limit
	if full && s.outLen > 0 {
		s.retire() // else what was read of it would take the room for good
	}
	s.mu.Unlock()
	switch {
	case closed:
		return os.ErrClosed
	case full:
		return ErrFull
	}
	if s.out == nil {
		if err := s.begin(); err != nil {
			return err
		}
	}
	_, err := s.out.WriteAt(frame, s.outLen)
	if err == nil {
		err = s.out.Sync()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		return s.abandon(err)
	}
	s.outLen += int64(len(frame))
	s.bytes += int64(len(frame))
	s.more.Broadcast()
	if s.outLen >= segmentSize {
		s.retire()
	}
	return nil
}

// abandon leaves a segment of which nobody knows what is on the disk: what was
// accepted before stays, what follows goes into a new one. To be called with mu
// held.
func (s *Spool) abandon(err error) error {
	if terr := s.out.Truncate(s.outLen); terr != nil {
		err = errors.Join(err, terr)
		if info, serr := s.out.Stat(); serr == nil {
			s.bytes += info.Size() - s.outLen
		}
	} else if s.outLen == 0 {
		return err // there is nothing in it: a disk that stays full must not fill with names
	}
	s.retire()
	return err
}

// Next waits for the next batch, and returns it with the call that says that it
// is out for good. io.EOF: the spool was closed, and is empty.
func (s *Spool) Next() (records [][]byte, done func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if s.in == nil && !s.openNext() || s.inSeq == s.outSeq && s.inPos >= s.outLen { // nothing more yet
			if s.closed {
				return nil, nil, io.EOF
			}
			s.more.Wait()
			continue
		}
		frame, size, err := s.frame()
		if err == nil {
			seq, pos := s.inSeq, s.inPos+headSize+size
			s.inPos = pos
			return split(frame), func() { s.ack(seq, pos) }, nil
		}
		if err := s.pass(size, err); err != nil {
			return nil, nil, err
		}
	}
}

// pass goes on behind what is no frame: behind a batch of size bytes that is
// damaged, or behind the segment. What cannot be read now may be read later, and
// ends the reader.
func (s *Spool) pass(size int64, cause error) error {
	name, live := s.in.Name(), s.inSeq == s.outSeq
	info, err := s.in.Stat()
	if err != nil {
		return err
	}
	rest := info.Size() - s.inPos
	switch {
	case errors.Is(cause, errDamaged) && (live || rest > headSize+size):
		s.Warn("spool: %s: a batch of %d bytes at byte %d is damaged, and lost", name, size, s.inPos)
		s.inPos += headSize + size
	case !errors.Is(cause, errDamaged) && !errors.Is(cause, errNoFrame):
		return fmt.Errorf("%s, byte %d: %w; to go on without it, move the file away", name, s.inPos, cause)
	case live: // it is not ours to drop while it is written
		return fmt.Errorf("%s, byte %d: %w", name, s.inPos, cause)
	default:
		if rest > 0 {
			s.Warn("spool: the last %d bytes of %s are no batch: a crash cut them off, and they were never accepted, or they are damaged", rest, name)
		}
		s.drop()
	}
	return nil
}

// openNext opens the segment to be read.
func (s *Spool) openNext() bool {
	for len(s.segs) > 0 && s.segs[0] < s.inSeq {
		s.remove(s.segs[0])
	}
	if len(s.segs) == 0 {
		return false
	}
	f, err := os.Open(s.path(s.segs[0]))
	if err != nil {
		s.Warn("spool: %v", err)
		return false
	}
	if s.inSeq != s.segs[0] {
		s.inPos = 0
	}
	s.in, s.inSeq = f, s.segs[0]
	return true
}

// What frame finds where there is no frame.
var (
	errNoFrame = errors.New("no batch")        // the end, or half a frame, or no length that Append writes
	errDamaged = errors.New("a damaged batch") // whose checksum is another
)

// frame reads the frame at the position of the reader, without its head, and
// its size.
func (s *Spool) frame() (frame []byte, size int64, err error) {
	var head [headSize]byte
	if err := s.read(head[:], s.inPos); err != nil {
		return nil, 0, err
	}
	size = int64(binary.BigEndian.Uint32(head[:]))
	if size == 0 || size > maxFrame { // a crash may leave zeros, and they are no batch
		return nil, 0, errNoFrame
	}
	frame = make([]byte, size)
	if err := s.read(frame, s.inPos+headSize); err != nil {
		return nil, 0, err
	}
	if crc32.Checksum(frame, castagnoli) != binary.BigEndian.Uint32(head[4:]) {
		return nil, size, errDamaged
	}
	return frame, size, nil
}

// read fills p with what stands at a position of the segment.
func (s *Spool) read(p []byte, at int64) error {
	_, err := s.in.ReadAt(p, at)
	if errors.Is(err, io.EOF) {
		return errNoFrame
	}
	return err
}

// split cuts a frame into its records, which are views of it.
func split(frame []byte) (records [][]byte) {
	for len(frame) >= 4 {
		n := int64(binary.BigEndian.Uint32(frame))
		if n > int64(len(frame)-4) {
			break // Append writes no such frame
		}
		records = append(records, frame[4:4+n])
		frame = frame[4+n:]
	}
	return records
}

// drop leaves a segment that was read to its end.
func (s *Spool) drop() {
	s.in.Close() // only read
	s.in = nil
	s.inSeq++
	s.inPos = 0
}

// remove deletes the first segment.
func (s *Spool) remove(seq int) {
	if info, err := os.Stat(s.path(seq)); err == nil {
		s.bytes -= info.Size()
	}
	if err := os.Remove(s.path(seq)); err != nil {
		s.Warn("spool: %v", err)
	}
	s.segs = s.segs[1:]
}

// ack notes how far the batches are out. It is not synced: after a crash some
// may come twice. The same holds if it cannot be written: on a full disk the
// segments that are out have to go all the same, or there will never be room.
func (s *Spool) ack(seq int, pos int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.segs) > 0 && s.segs[0] < seq {
		s.remove(s.segs[0])
	}
	s.ackSeq, s.ackPos = seq, pos
	next := s.ackPath() + ".new"
	err := os.WriteFile(next, fmt.Appendln(nil, seq, pos), 0o600)
	if err == nil {
		err = os.Rename(next, s.ackPath())
	}
	if err != nil {
		s.Warn("spool: %v; what is out now may come twice after a restart", err)
	}
}

// Size is how many bytes are on the disk.
func (s *Spool) Size() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

// Waiting is how many of them are not out yet: segments that are out go as a
// whole, so that of an empty spool up to one is on the disk.
func (s *Spool) Waiting() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.segs) > 0 && s.segs[0] == s.ackSeq {
		return max(s.bytes-s.ackPos, 0)
	}
	return s.bytes
}

// Close ends Append; Next returns what is left, and then io.EOF.
func (s *Spool) Close() error {
	s.write.Lock()
	defer s.write.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.more.Broadcast()
	if s.out == nil {
		return nil
	}
	return s.out.Close()
}
