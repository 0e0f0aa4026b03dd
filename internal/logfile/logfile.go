// Package logfile opens what logs are kept in: files, folders and archives of them,
// plain or compressed with gzip, zstd, xz or bzip2, in UTF-8 or UTF-16.
package logfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Stdin is the path that stands for standard input.
const Stdin = "-"

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
