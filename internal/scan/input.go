package scan

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// reader reads the inputs and hands out blocks: each to order, and those with
// text to work.
type reader struct {
	scanner     *Scanner
	free        chan *block // blocks to be used again
	work, order chan *block
	read        int64
}

func newReader(s *Scanner, blocks int) *reader {
	r := &reader{scanner: s, free: make(chan *block, blocks), work: make(chan *block, blocks), order: make(chan *block, blocks)}
	for range blocks {
		r.free <- &block{text: make([]byte, 0, blockSize), done: make(chan struct{}, 1)}
	}
	return r
}

// run reads everything, then closes the channels.
func (r *reader) run(ctx context.Context, paths []string) {
	defer close(r.work)
	defer close(r.order)
	for _, path := range paths {
		if path == Stdin {
			r.input(ctx, "standard input", r.scanner.Stdin)
			continue
		}
		files, err := list(path)
		if err != nil {
			r.hand(r.block(), true, "", err)
		}
		for _, name := range files {
			if ctx.Err() != nil {
				return
			}
			f, err := os.Open(name)
			if err != nil {
				r.hand(r.block(), true, "", err)
				continue
			}
			r.input(ctx, name, f)
			f.Close() // only read
		}
	}
}

func (r *reader) block() *block {
	b := <-r.free
	b.reset()
	return b
}

// hand hands on a block; end says that it is the last one of an input, name is
// empty if that was not even opened.
func (r *reader) hand(b *block, end bool, name string, err error) {
	b.end, b.name, b.err = end, name, err
	if name != "" {
		b.files = 1
	}
	r.order <- b
	r.work <- b
}

// lfsPointer is how a file begins that Git LFS has not fetched
// (git-lfs docs/spec.md).
const lfsPointer = "version https://git-lfs.github.com/spec/"

// How compressed files begin (RFC 1952, RFC 8878); the name of a file says
// nothing.
var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// input reads one input, compressed or not.
func (r *reader) input(ctx context.Context, name string, input io.Reader) {
	fail := func(err error) { r.hand(r.block(), true, name, fmt.Errorf("%s: %w", name, err)) }
	buffered := bufio.NewReaderSize(&counter{input, r}, headSize)
	head, _ := buffered.Peek(len(lfsPointer))
	var text io.Reader = buffered
	switch {
	case string(head) == lfsPointer:
		fail(errors.New("a Git LFS pointer, not the log itself; fetch it with \"git lfs pull\""))
		return
	case bytes.HasPrefix(head, gzipMagic):
		unpacked, err := gzip.NewReader(bufio.NewReaderSize(buffered, blockSize))
		if err != nil {
			fail(err)
			return
		}
		text = unpacked
	case bytes.HasPrefix(head, zstdMagic):
		unpacked, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			fail(err)
			return
		}
		defer unpacked.Close()
		text = unpacked
	}
	cut := cutter{r: text}
	for {
		b := r.block()
		err := cut.next(b)
		switch {
		case err == io.EOF:
			r.hand(b, true, name, nil)
		case err != nil:
			r.hand(b, true, name, fmt.Errorf("%s: %w", name, err))
		case ctx.Err() != nil:
			r.hand(b, true, name, nil)
		default:
			r.hand(b, false, "", nil)
			continue
		}
		return
	}
}

// counter counts what is read from an input, for the progress.
type counter struct {
	io.Reader
	reader *reader
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.reader.read += int64(n)
	if progress := c.reader.scanner.Progress; progress != nil {
		progress(c.reader.read)
	}
	return n, err
}

// Size is the number of bytes that Run will read of the paths, as far as it
// can be told before: standard input counts nothing.
func Size(paths []string) (size int64) {
	for _, path := range paths {
		files, _ := list(path)
		for _, file := range files {
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
				size += info.Size()
			}
		}
	}
	return size
}

// list names the files of a path in order: the file itself, or all of a folder
// but hidden ones. A link to a file counts as one, since that is what
// /var/log/containers is made of; a link to a folder is not followed. What
// cannot be read is in the error, beside the files.
func list(path string) (files []string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var errs []error
	err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			errs = append(errs, err)
			if entry != nil && entry.IsDir() {
				return filepath.SkipDir
			}
		case name != path && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return filepath.SkipDir
			}
		case entry.Type().IsRegular():
			files = append(files, name)
		case entry.Type()&fs.ModeSymlink != 0:
			if info, err := os.Stat(name); err != nil {
				errs = append(errs, err)
			} else if info.Mode().IsRegular() {
				files = append(files, name)
			}
		}
		return nil
	})
	if err = errors.Join(append(errs, err)...); err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: the folder holds no files to scan", path)
	}
	return files, err
}
