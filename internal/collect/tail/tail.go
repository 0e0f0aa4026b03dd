// Package tail follows log files through every kind of rotation and loses no
// line: rename, rename and gzip, copy and truncate. It knows files by their
// first line and counts offsets in unpacked bytes, so a file is read on where
// it was left, whatever it is called by then.
//
// Files are polled: what file systems notify does not come over NFS, overlays
// or the mounts of a kubelet.
package tail

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Line is one line of a file, without its break. It is valid until Out returns.
type Line struct {
	Text []byte
	Path string
}

// Tail follows files. Its fields are to be set before Run.
type Tail struct {
	Glob    string             // of the files that are written, such as /var/log/kubernetes/audit*.log
	FromEnd bool               // files that are there at the very first start are not read
	Poll    time.Duration      // how often to look
	State   *State             // where to go on; it is changed
	First   bool               // there was no state before
	Out     func([]Line) error // returns when the lines are out for good, or why they cannot be
	Save    func() error       // makes State durable; it is called after Out
	Warn    func(format string, args ...any)

	now   func() time.Time
	files []*file
	done  map[string]stamp // rotated files that were read to their end, by their path
	buf   []byte
}

// file is one that is held open: what is written to it until it is packed and
// removed is read, wherever it was moved.
type file struct {
	path    string
	f       *os.File
	rotated bool
	listed  bool // it was found by the last look into the folder
	size    int64
	changed time.Time // when its size last changed
}

// stamp is by what a file is seen to have changed, and where its position is.
type stamp struct {
	size  int64
	mtime time.Time
	id    string
}

func (s stamp) of(info fs.FileInfo) bool {
	return s.size == info.Size() && s.mtime.Equal(info.ModTime())
}

// Run follows the files until the context ends, and then reads them to their
// ends once more. An error of Out or Save ends it.
func (t *Tail) Run(ctx context.Context) error {
	if t.now == nil {
		t.now = time.Now
	}
	t.done = map[string]stamp{}
	defer func() {
		for _, f := range t.files {
			f.f.Close() // only read
		}
	}()
	if t.First && t.FromEnd {
		if err := t.skipAll(); err != nil {
			return err
		}
	}
	tick := time.NewTicker(t.Poll)
	defer tick.Stop()
	for {
		if err := t.look(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return t.look()
		case <-tick.C:
		}
	}
}

// look reads on whatever there is, once.
func (t *Tail) look() error {
	// First what is held: it may have been moved and be gone soon.
	for _, f := range t.files {
		if err := t.read(f); err != nil {
			return err
		}
	}
	if err := t.list(); err != nil {
		return err
	}
	kept := t.files[:0]
	for _, f := range t.files {
		old := t.now().Sub(f.changed) > settled
		if f.rotated && old || !f.listed && old {
			if err := t.finish(f); err != nil {
				return err
			}
			f.f.Close() // only read
			continue
		}
		kept = append(kept, f)
	}
	clear(t.files[len(kept):])
	t.files = kept
	// Only now, when all that is there was seen: the clock may have been wrong,
	// or the input away, for longer than positions are kept.
	t.State.prune(t.now())
	return nil
}

// list looks for files, the oldest first, and reads those that are not held.
func (t *Tail) list() error {
	for _, f := range t.files {
		f.listed = false
	}
	paths, err := paths(t.Glob)
	if err != nil {
		return err
	}
	type found struct {
		path string
		info fs.FileInfo
	}
	var all []found
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			all = append(all, found{path, info})
		}
	}
	slices.SortStableFunc(all, func(a, b found) int { return a.info.ModTime().Compare(b.info.ModTime()) })
	for _, a := range all {
		live, _ := filepath.Match(t.Glob, a.path)
		if i := slices.IndexFunc(t.files, func(f *file) bool { return f.same(a.info) }); i >= 0 {
			t.files[i].path, t.files[i].rotated, t.files[i].listed = a.path, !live, true
			continue
		}
		if done, ok := t.done[a.path]; ok && done.of(a.info) {
			if done.id != "" {
				t.State.at(done.id, t.now()) // it is still there
			}
			continue
		}
		f, err := os.Open(a.path)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Warn("cannot read: %v", err)
			}
			continue
		}
		switch packed, ok := isGzip(f); {
		case !ok:
			f.Close() // only read; nothing is in it yet, not even what it is
		case packed:
			err = t.readGzip(f, a.path, a.info)
			f.Close() // only read
		default:
			held := &file{path: a.path, f: f, rotated: !live, listed: true, changed: t.now()}
			t.files = append(t.files, held)
			err = t.read(held)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (f *file) same(info fs.FileInfo) bool {
	own, err := f.f.Stat()
	return err == nil && os.SameFile(own, info)
}

// paths are the files of the glob and what they become when they are rotated:
// audit.log.1, audit-2026-01-01T00-00-00.000.log, both with .gz.
func paths(glob string) ([]string, error) {
	dir, base := filepath.Split(glob)
	ext := filepath.Ext(base)
	all, err := filepath.Glob(glob)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", glob, err)
	}
	rotated, err := filepath.Glob(dir + strings.TrimSuffix(base, ext) + "*" + ext + "*")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", glob, err)
	}
	all = append(all, rotated...)
	slices.Sort(all)
	return slices.Compact(all), nil
}

// read reads a held file to its end.
func (t *Tail) read(f *file) error {
	for {
		head, err := headOf(f.f)
		if err != nil {
			t.Warn("cannot read: %v", err)
			return nil
		}
		id := fingerprint(head)
		if id == "" {
			return nil // not yet a whole line
		}
		p := t.State.at(id, t.now())
		n, err := f.f.ReadAt(t.grown(chunk), p.Offset)
		if err != nil && err != io.EOF {
			t.Warn("cannot read: %v", err)
			return nil
		}
		if size := p.Offset + int64(n); size != f.size {
			f.size, f.changed = size, t.now()
		}
		text := t.buf[:n]
		for bytes.IndexByte(text, '\n') < 0 && n > 0 && err == nil && len(text) < maxLine {
			// A line that is longer than a chunk.
			n, err = f.f.ReadAt(t.grown(2 * len(t.buf))[len(text):], p.Offset+int64(len(text)))
			if err != nil && err != io.EOF {
				t.Warn("cannot read: %v", err)
				return nil
			}
			text = t.buf[:len(text)+n]
		}
		// The file may have been truncated while it was read: what was read is
		// of use only if it still begins as before.
		if again, err := headOf(f.f); err != nil || fingerprint(again) != id {
			continue
		}
		moved, err := t.emit(f.path, p, text)
		if err != nil {
			return err
		}
		if !moved {
			return nil
		}
	}
}

// grown returns the buffer with at least n bytes, what it holds kept.
func (t *Tail) grown(n int) []byte {
	if cap(t.buf) < n {
		t.buf = append(make([]byte, 0, n), t.buf...)
	}
	t.buf = t.buf[:n]
	return t.buf
}

// emit hands out the whole lines of text, which stands at p, moves p behind
// them and saves it. moved reports whether there was anything.
func (t *Tail) emit(path string, p *Position, text []byte) (moved bool, err error) {
	var lines []Line
	n := 0
	skip := p.Skip
	for {
		end := bytes.IndexByte(text[n:], '\n')
		if end < 0 {
			break
		}
		if line := bytes.TrimSuffix(text[n:n+end], []byte("\r")); !skip && len(line) > 0 {
			lines = append(lines, Line{line, path})
		}
		skip = false
		n += end + 1
	}
	if rest := text[n:]; n == 0 && len(rest) >= maxLine {
		if !skip {
			t.Warn("%s: a line of more than %d MB; only its beginning is collected", path, maxLine>>20)
			lines = append(lines, Line{rest[:maxLine], path})
		}
		skip = true
		n = len(rest)
	} else if skip && n == 0 && len(rest) > 0 {
		n = len(rest)
	}
	if n == 0 {
		return false, nil
	}
	if len(lines) > 0 {
		if err := t.Out(lines); err != nil {
			return false, err
		}
	}
	p.Offset, p.Skip = p.Offset+int64(n), skip
	return true, t.Save()
}

// finish hands out the last line of a file that nobody writes any more, if it
// has no break, and remembers that the file was read.
func (t *Tail) finish(f *file) error {
	if err := t.read(f); err != nil {
		return err
	}
	head, err := headOf(f.f)
	id := fingerprint(append(head, '\n'))
	if err != nil || len(head) == 0 {
		return nil
	}
	if known := fingerprint(head); known != "" {
		id = known
	}
	p := t.State.at(id, t.now())
	n, err := f.f.ReadAt(t.grown(maxLine), p.Offset)
	if (err == nil || err == io.EOF) && n > 0 && bytes.IndexByte(t.buf[:n], '\n') < 0 {
		if err := t.last(f.path, p, t.buf[:n]); err != nil {
			return err
		}
	}
	if info, err := f.f.Stat(); err == nil && f.listed {
		t.done[f.path] = stamp{info.Size(), info.ModTime(), id}
	}
	return nil
}

// last hands out a line without a break.
func (t *Tail) last(path string, p *Position, text []byte) error {
	if !p.Skip {
		if err := t.Out([]Line{{text, path}}); err != nil {
			return err
		}
	}
	p.Offset, p.Skip = p.Offset+int64(len(text)), false
	return t.Save()
}

// isGzip reports whether a file is packed; ok is false if it is too short to
// tell.
func isGzip(r io.ReaderAt) (packed, ok bool) {
	var magic [2]byte
	_, err := r.ReadAt(magic[:], 0)
	return magic == [2]byte{0x1f, 0x8b}, err == nil // RFC 1952
}

// readGzip reads a packed file from where its unpacked twin was left. One that
// is still being written ends early: its whole lines count, and the rest comes
// with the next look.
func (t *Tail) readGzip(f *os.File, path string, info fs.FileInfo) error {
	now := stamp{size: info.Size(), mtime: info.ModTime()}
	unpacked, err := gzip.NewReader(f)
	if err != nil { // its head is not there yet
		t.leave(path, now, false)
		return nil
	}
	head := make([]byte, headSize)
	n, err := io.ReadFull(unpacked, head)
	if n == 0 {
		t.leave(path, now, err == io.EOF)
		return nil
	}
	if now.id = fingerprint(head[:n]); now.id == "" {
		now.id = fingerprint(append(head[:n:n], '\n'))
	}
	p := t.State.at(now.id, t.now())
	text := io.MultiReader(bytes.NewReader(head[:n]), unpacked)
	if skipped, err := io.CopyN(io.Discard, text, p.Offset); err != nil || skipped < p.Offset {
		t.leave(path, now, err == io.EOF) // at its end it was read under another name
		return nil
	}
	kept := 0 // of the buffer, from the chunk before
	for {
		if len(t.buf) < kept+chunk {
			t.grown(kept + chunk)
		}
		n, err := io.ReadFull(text, t.buf[kept:kept+chunk])
		from := p.Offset
		if _, oerr := t.emit(path, p, t.buf[:kept+n]); oerr != nil {
			return oerr
		}
		kept = copy(t.buf, t.buf[p.Offset-from:kept+n])
		switch err {
		case nil:
			continue
		case io.EOF, io.ErrUnexpectedEOF:
		default:
			t.leave(path, now, false)
			return nil
		}
		// ReadFull says ErrUnexpectedEOF for a short chunk, too; whether the
		// file is whole shows when it is read once more.
		_, end := text.Read(make([]byte, 1))
		t.leave(path, now, end == io.EOF)
		if end == io.EOF && kept > 0 {
			return t.last(path, p, t.buf[:kept])
		}
		return nil
	}
}

// leave leaves a packed file that was read. One that is not whole is read again
// by the next look if it may still be written, else only when it changes: every
// look would unpack it.
func (t *Tail) leave(path string, now stamp, whole bool) {
	if !whole {
		if t.now().Sub(now.mtime) <= settled {
			return
		}
		t.Warn("%s is cut or damaged; it was collected as far as it can be unpacked", path)
	}
	t.done[path] = now
}

// skipAll moves to the ends of all files: only what is written from now on is
// collected.
func (t *Tail) skipAll() error {
	all, err := paths(t.Glob)
	if err != nil {
		return err
	}
	for _, path := range all {
		f, err := os.Open(path)
		if err != nil {
			t.Warn("cannot read: %v", err)
			continue
		}
		var r io.Reader = f
		if packed, _ := isGzip(f); packed {
			if r, err = gzip.NewReader(f); err != nil {
				f.Close() // only read
				continue
			}
		}
		t.skipTo(r)
		f.Close() // only read
	}
	return t.Save()
}

// skipTo moves behind the last whole line of a text.
func (t *Tail) skipTo(r io.Reader) {
	var head []byte
	var offset, end int64
	buf := t.grown(chunk)
	for {
		n, err := io.ReadFull(r, buf)
		if head == nil {
			head = bytes.Clone(buf[:min(n, headSize)])
		}
		if i := bytes.LastIndexByte(buf[:n], '\n'); i >= 0 {
			end = offset + int64(i) + 1
		}
		offset += int64(n)
		if err != nil {
			break
		}
	}
	if id := fingerprint(head); id != "" {
		t.State.at(id, t.now()).Offset = end
	}
}
