// Package logfile opens what logs are kept in: files and folders of them, plain,
// gzip or zstd.
package logfile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
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
		return gzip.NewReader(bufio.NewReaderSize(buffered, packedSize))
	case bytes.HasPrefix(head, zstdMagic):
		unpacked, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return unpacked.IOReadCloser(), nil
	}
	return io.NopCloser(buffered), nil
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
