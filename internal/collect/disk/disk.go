// Package disk opens, replaces and locks the files that an input reads and
// keeps. Somebody else may write into their folders: a name that turns out to be
// a symbolic link, a FIFO, a device or a folder is an error, and never blocks.
package disk

import (
	"errors"
	"io/fs"
	"os"
)

var (
	// ErrNotRegular says that a name is not a regular file.
	ErrNotRegular = errors.New("not a regular file")

	// ErrLocked says that the lock is held, by another process or by this one.
	ErrLocked = errors.New("locked")
)

// Open opens a regular file for reading. It does not follow a symbolic link.
func Open(path string) (*os.File, error) {
	before, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !before.Mode().IsRegular() { // open(2) would say ELOOP, or nothing at all
		return nil, notRegular(path)
	}
	f, info, err := openRegular(path, os.O_RDONLY|noFollow, 0)
	if err != nil {
		return nil, err
	}
	if noFollow == 0 && !os.SameFile(before, info) {
		f.Close() // only read
		return nil, notRegular(path)
	}
	return f, nil
}

// Follow opens a regular file for reading, through symbolic links.
func Follow(path string) (*os.File, error) {
	f, _, err := openRegular(path, os.O_RDONLY, 0)
	return f, err
}

// Lock opens the file at path, makes it if it is not there, and locks it until
// it is closed. The error is ErrLocked if somebody else holds the lock.
func Lock(path string) (*os.File, error) {
	f, _, err := openRegular(path, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

// Replace puts a file with this text in the place of the one at path, by way of
// path.new. A crash leaves the old file or the new one; with durable set, the
// text is on the disk before it takes its place. Only the holder of a lock may
// call it: what is at path.new is removed.
func Replace(path string, text []byte, durable bool) error {
	name := path + ".new"
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	next, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // O_EXCL follows no link
	if err != nil {
		return err
	}
	_, err = next.Write(text)
	if err == nil && durable {
		err = next.Sync()
	}
	if cerr := next.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(name, path)
}

// openRegular opens a file, and makes sure that what was opened is a regular one.
func openRegular(path string, flag int, mode fs.FileMode) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, flag|nonBlock, mode) // without nonBlock a FIFO waits for a writer
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notRegular(path)
	}
	if err != nil {
		f.Close() // nothing was written
		return nil, nil, err
	}
	return f, info, nil
}

func notRegular(path string) error {
	return &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
}
