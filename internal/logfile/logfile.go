// Package logfile opens what logs are kept in: files and folders of them, plain,
// packed with gzip, zstd, bzip2 or xz, or in a tar or zip archive, in UTF-8 or
// UTF-16.
package logfile

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// Stdin is the path that stands for standard input.
const Stdin = "-"

// lfsPointer is how a file begins that Git LFS has not fetched
// (git-lfs docs/spec.md).
const lfsPointer = "version https://git-lfs.github.com/spec/"

// How compressed files begin (RFC 1952, RFC 8878); the name of a file says
// nothing.
var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

	bzip2Magic = []byte("BZh")
	xzMagic    = []byte("\xfd7zXZ\x00")
	zipMagic   = []byte("PK\x03\x04")
)

// Unpack is the text of an input, packed or not. Closing it does not close the
// input.
func Unpack(input io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(input, headSize)
	head, _ := buffered.Peek(len(lfsPointer))
	switch {
	case string(head) == lfsPointer:
		return nil, errors.New("a Git LFS pointer, not the log itself; fetch it with \"git lfs pull\"")
	case bytes.HasPrefix(head, gzipMagic):
		unpacked, err := gzip.NewReader(bufio.NewReaderSize(buffered, packedSize))
		if err != nil {
			return nil, err
		}
		return textOf(unpacked), nil
	case bytes.HasPrefix(head, bzip2Magic):
		return textOf(bzip2.NewReader(buffered)), nil
	case bytes.HasPrefix(head, xzMagic):
		unpacked, err := xz.ReaderConfig{DictCap: maxWindow}.NewReader(buffered)
		if err != nil {
			return nil, err
		}
		return textOf(unpacked), nil
	case bytes.HasPrefix(head, zipMagic):
		return unzip(buffered)
	case bytes.HasPrefix(head, zstdMagic):
		unpacked, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return zstdText{textOf(unpacked), unpacked}, nil
	}
	return textOf(buffered), nil
}

// zstdText closes the decoder, which has goroutines.
type zstdText struct {
	io.Reader
	decoder *zstd.Decoder
}

func (z zstdText) Close() error {
	z.decoder.Close()
	return nil
}

// textOf is unpacked text as UTF-8, which Windows tools write as UTF-16. A tar
// archive is the text of its files, one after the other.
func textOf(r io.Reader) io.ReadCloser {
	buffered := bufio.NewReaderSize(r, headSize)
	// What one read gives: a slow writer is not waited for.
	_, _ = buffered.Peek(1)
	head, _ := buffered.Peek(min(buffered.Buffered(), tarMagicAt+len(tarMagic)))
	switch {
	case len(head) == tarMagicAt+len(tarMagic) && string(head[tarMagicAt:]) == tarMagic:
		return io.NopCloser(&tarText{archive: tar.NewReader(buffered)})
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}), len(head) > 3 && head[0] != 0 && head[1] == 0 && head[2] != 0 && head[3] == 0:
		return io.NopCloser(&utf16Text{r: buffered, low: 0})
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}), len(head) > 3 && head[0] == 0 && head[1] != 0 && head[2] == 0 && head[3] != 0:
		return io.NopCloser(&utf16Text{r: buffered, low: 1})
	}
	return io.NopCloser(buffered)
}

// unzip is the text of the files of a zip archive, one after the other. Its
// directory is at its end, so all of it is read first.
func unzip(input io.Reader) (io.ReadCloser, error) {
	packed, err := io.ReadAll(io.LimitReader(input, maxArchive+1))
	if err != nil {
		return nil, err
	}
	if len(packed) > maxArchive {
		return nil, fmt.Errorf("a zip archive of more than %d MiB; unpack it first", maxArchive>>20)
	}
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return nil, err
	}
	return io.NopCloser(&zipText{files: archive.File}), nil
}

// zipText reads the files of an archive as one text, with a line break after each.
type zipText struct {
	files []*zip.File
	text  io.ReadCloser // of the file that is being read
}

func (z *zipText) Read(p []byte) (n int, err error) {
	for z.text == nil {
		if len(z.files) == 0 {
			return 0, io.EOF
		}
		packed, err := z.files[0].Open()
		if err != nil {
			return 0, fmt.Errorf("%s: %w", z.files[0].Name, err)
		}
		if z.text, err = Unpack(packed); err != nil {
			return 0, fmt.Errorf("%s: %w", z.files[0].Name, err)
		}
		z.files = z.files[1:]
	}
	n, err = z.text.Read(p)
	if err == io.EOF {
		z.text, err = nil, nil
		if n < len(p) {
			p[n] = '\n'
			n++
		}
	}
	return n, err
}

// tarMagic is at tarMagicAt in the header of an archive (POSIX.1-1988, ustar).
const (
	tarMagic   = "ustar"
	tarMagicAt = 257
)

// tarText reads the regular files of an archive as one text. A line break
// follows each, so that no two of them share a line.
type tarText struct {
	archive *tar.Reader
	inside  bool
}

func (t *tarText) Read(p []byte) (n int, err error) {
	for !t.inside {
		header, err := t.archive.Next()
		if err != nil {
			return 0, err
		}
		t.inside = header.Typeflag == tar.TypeReg
	}
	n, err = t.archive.Read(p)
	if err == io.EOF {
		t.inside, err = false, nil
		if n < len(p) {
			p[n] = '\n'
			n++
		}
	}
	return n, err
}

// utf16Text reads UTF-16 as UTF-8; low is where of two bytes the lower one is.
type utf16Text struct {
	r    *bufio.Reader
	low  int
	rest []byte // decoded, but not read yet
	high rune   // the first half of a pair
}

func (t *utf16Text) Read(p []byte) (n int, err error) {
	for len(t.rest) == 0 {
		var unit [2]byte
		if _, err := io.ReadFull(t.r, unit[:]); err != nil {
			return 0, err
		}
		r := rune(unit[t.low]) | rune(unit[1-t.low])<<8
		switch {
		case r == 0xfeff:
			continue
		case r >= 0xd800 && r < 0xdc00:
			t.high = r
			continue
		case utf16.IsSurrogate(r):
			r = utf16.DecodeRune(t.high, r)
		}
		t.rest = utf8.AppendRune(t.rest[:0], r)
		if len(t.rest) < len(p) && t.r.Buffered() >= 2 {
			n += copy(p, t.rest)
			p, t.rest = p[len(t.rest):], t.rest[:0]
			continue
		}
		break
	}
	m := copy(p, t.rest)
	t.rest = t.rest[m:]
	return n + m, nil
}

// List names the files of a path in order: the file itself, or all of a folder
// but hidden ones. A link to a file counts as one, since that is what
// /var/log/containers is made of; a link to a folder is not followed. What
// cannot be read is in the error, beside the files.
func List(path string) (files []string, err error) {
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

// Counting is r, and calls read with the number of bytes that each Read gave.
func Counting(r io.Reader, read func(n int)) io.Reader { return &counter{r, read} }

type counter struct {
	io.Reader
	read func(n int)
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read(n)
	return n, err
}
