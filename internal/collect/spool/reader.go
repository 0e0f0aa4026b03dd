package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kubeanon/kubeanon/internal/collect/disk"
)

// reader is where Next reads.
type reader struct {
	file *os.File // nil if the segment is to be opened yet
	seq  int64    // of the segment, or the lowest that it may be
	pos  int64
}

// move goes to the beginning of a segment.
func (r *reader) move(seq int64) {
	if r.file != nil {
		r.file.Close() // only read
	}
	*r = reader{seq: seq}
}

// What is found in place of a frame.
var (
	errNoFrame = errors.New("no batch")        // the end, or half a frame, or a length that Append does not write
	errDamaged = errors.New("a damaged batch") // with a wrong checksum, or without records
)

// Next waits for the next batch, and returns it with the call that says that it
// and all before it are delivered. io.EOF: the spool was closed, and is empty; it
// can be opened again. One goroutine at a time may call Next.
func (s *Spool) Next() (records [][]byte, done func(), err error) {
	for {
		segment, live, err := s.await()
		if err == nil {
			err = s.open(segment.seq)
		}
		if errors.Is(err, fs.ErrNotExist) {
			s.warn("spool: %v; its batches are lost, if they were not delivered", err)
			s.pass(segment.seq)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		end := segment.size // whole batches only
		if !live {
			info, err := s.reader.file.Stat()
			if err != nil {
				return nil, nil, err
			}
			end = info.Size()
		}
		frame, size, err := readFrame(s.reader.file, s.reader.pos, end)
		if err == nil {
			s.reader.pos += size
			to := mark{s.reader.seq, s.reader.pos}
			s.mu.Lock()
			s.handed = to
			s.mu.Unlock()
			return frame, func() { s.deliver(to) }, nil
		}
		if err := s.skip(size, end, live, err); err != nil {
			return nil, nil, err
		}
	}
}

// await waits until there is something to read, and returns its segment.
func (s *Spool) await() (next segment, live bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if next, live, ok := s.ahead(); ok {
			return next, live, nil
		}
		if s.closed {
			s.reader.move(s.reader.seq)
			s.lock.Close() // nothing was written
			return segment{}, false, io.EOF
		}
		s.more.Wait()
	}
}

// ahead is the segment that is to be read, if there is one. One that is live is
// still written, and its size is that of its whole batches. To be called with mu
// held.
func (s *Spool) ahead() (next segment, live, ok bool) {
	for _, next := range s.segments {
		switch {
		case next.seq < s.reader.seq:
		case next.seq != s.writer.seq:
			return next, false, true
		default:
			next.size = s.writer.len
			return next, true, next.seq > s.reader.seq && next.size > 0 || next.size > s.reader.pos
		}
	}
	return segment{}, false, false
}

// open opens the segment that is to be read.
func (s *Spool) open(seq int64) error {
	if s.reader.seq != seq {
		s.reader.move(seq)
	}
	if s.reader.file != nil {
		return nil
	}
	f, err := disk.Open(s.path(seq))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; to go on without it, move the file away", err)
	}
	s.reader.file = f
	return err
}

// skip goes on after what is not a frame: after a batch of size bytes that is
// damaged, or after the segment. What cannot be read now may be read later, and
// ends the reader.
func (s *Spool) skip(size, end int64, live bool, cause error) error {
	name, rest := s.reader.file.Name(), end-s.reader.pos
	switch {
	case errors.Is(cause, errDamaged) && (live || rest > size):
		s.warn("spool: %s: a batch of %d bytes at byte %d is damaged, and lost", name, size, s.reader.pos)
		s.reader.pos += size
	case !errors.Is(cause, errDamaged) && !errors.Is(cause, errNoFrame):
		return fmt.Errorf("%s, byte %d: %w; to go on without it, move the file away", name, s.reader.pos, cause)
	case live: // it must not be dropped while it is written
		return fmt.Errorf("%s, byte %d: %w", name, s.reader.pos, cause)
	default:
		if rest > 0 {
			s.warn("spool: the last %d bytes of %s are not a batch: a crash cut them off, and they were never accepted, or they are damaged", rest, name)
		}
		s.pass(s.reader.seq)
	}
	return nil
}

// pass leaves a segment that was read to its end.
func (s *Spool) pass(seq int64) {
	s.reader.move(seq + 1)
	s.mu.Lock()
	s.passed = seq + 1
	s.mu.Unlock()
	s.free()
}

// deliver notes that all batches before a mark are delivered. The mark is not
// synced: after a crash some may be delivered twice. The same holds if it cannot
// be written: on a full disk the delivered segments have to go all the same, or
// there will never be room.
func (s *Spool) deliver(to mark) {
	s.marking.Lock()
	defer s.marking.Unlock()
	s.mu.Lock()
	if to.seq < s.delivered.seq || to.seq == s.delivered.seq && to.pos <= s.delivered.pos {
		s.mu.Unlock()
		return
	}
	s.delivered = to
	s.mu.Unlock()
	s.free()
	if err := disk.Replace(filepath.Join(s.dir, markName), fmt.Appendln(nil, to.seq, to.pos), false); err != nil {
		s.warn("spool: %v; what is delivered now may be delivered twice after a restart", err)
	}
}

// free removes the segments that are delivered as a whole.
func (s *Spool) free() {
	var gone []segment
	s.mu.Lock()
	first := s.delivered.seq
	if s.delivered == s.handed {
		first = max(first, s.passed)
	}
	for len(s.segments) > 0 && s.segments[0].seq < first {
		gone = append(gone, s.segments[0])
		s.bytes -= s.segments[0].size
		s.segments = s.segments[1:]
	}
	s.mu.Unlock()
	for _, segment := range gone {
		if err := os.Remove(s.path(segment.seq)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.warn("spool: %v", err)
		}
	}
}

// readFrame reads the frame at a position of a segment that ends at end, and
// returns its records, which are never none, and its size.
func readFrame(r io.ReaderAt, pos, end int64) (records [][]byte, size int64, err error) {
	size, err = frameSize(r, pos, end)
	if err != nil {
		return nil, size, err
	}
	frame := make([]byte, size)
	if err := readAt(r, frame, pos); err != nil {
		return nil, 0, err
	}
	if crc32.Checksum(frame[headSize:], castagnoli) != binary.BigEndian.Uint32(frame[4:]) {
		return nil, size, errDamaged
	}
	if records = split(frame[headSize:]); records == nil {
		return nil, size, errDamaged
	}
	return records, size, nil
}

// frameSize reads the size of the frame at a position, with its head. Zeros are
// what a crash leaves of a file that was made longer, or frames without a record:
// up to the end of the segment they are no frame, else they are damaged.
func frameSize(r io.ReaderAt, pos, end int64) (int64, error) {
	var head [headSize]byte
	if end-pos < headSize {
		return 0, errNoFrame
	}
	if err := readAt(r, head[:], pos); err != nil {
		return 0, err
	}
	switch size := int64(binary.BigEndian.Uint32(head[:])); {
	case size == 0:
		zeros, err := countZeros(r, pos, end)
		if err != nil {
			return 0, err
		}
		if pos+zeros == end {
			return 0, errNoFrame
		}
		return max(zeros/headSize, 1) * headSize, errDamaged
	case size > maxFrame || size > end-pos-headSize:
		return 0, errNoFrame
	default:
		return headSize + size, nil
	}
}

// countZeros counts the zeros at a position.
func countZeros(r io.ReaderAt, pos, end int64) (n int64, err error) {
	buf := make([]byte, 64<<10)
	for pos+n < end {
		part := buf[:min(int64(len(buf)), end-pos-n)]
		if err := readAt(r, part, pos+n); err != nil {
			return 0, err
		}
		for _, b := range part {
			if b != 0 {
				return n, nil
			}
			n++
		}
	}
	return n, nil
}

// readAt fills p from a position.
func readAt(r io.ReaderAt, p []byte, pos int64) error {
	_, err := r.ReadAt(p, pos)
	if errors.Is(err, io.EOF) {
		return errNoFrame
	}
	return err
}

// split cuts a frame into its records, which are views of it; nil if they do not
// fill it exactly: Append writes no such frame.
func split(frame []byte) (records [][]byte) {
	for len(frame) > 0 {
		if len(frame) < 4 {
			return nil
		}
		n := int64(binary.BigEndian.Uint32(frame))
		if n > int64(len(frame)-4) {
			return nil
		}
		records = append(records, frame[4:4+n])
		frame = frame[4+n:]
	}
	return records
}
