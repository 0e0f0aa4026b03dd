// Package checkpoint keeps how far an input has come: one small file for each,
// written so that a crash at any moment leaves the old state or the new one.
package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/kubeanon/kubeanon/internal/collect/disk"
)

// version is that of the form of the file. A newer one is not read: an old
// program would lose what it does not understand.
const version = 1

// File is the checkpoint of one input, held by one process.
type File struct {
	path string
	lock *os.File
}

// envelope is what stands in the file.
type envelope struct {
	Version int             `json:"version"`
	Name    string          `json:"name"` // for whoever looks into the folder
	State   json.RawMessage `json:"state"`
}

// ErrLocked says that another process holds the checkpoint.
var ErrLocked = errors.New("another process has the checkpoint")

// Open locks the checkpoint of an input, by the name of its stanza, in dir, and
// makes dir if it is not there.
func Open(dir, name string) (*File, error) {
	if dir == "" {
		return nil, errors.New("no checkpoint folder was given")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return OpenFile(path(dir, name), name)
}

// path is the file of the checkpoint of an input.
func path(dir, name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(dir, "kubeanon-"+hex.EncodeToString(sum[:8])+".json")
}

// SavedAt is when the checkpoint of an input was last saved, whoever holds it;
// zero if it never was.
func SavedAt(dir, name string) (time.Time, error) {
	info, err := os.Stat(path(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}

// OpenFile locks a checkpoint by the path of its file.
func OpenFile(path, name string) (*File, error) {
	lock, err := disk.Lock(path + ".lock")
	if errors.Is(err, disk.ErrLocked) {
		return nil, fmt.Errorf("%w: %s", ErrLocked, name)
	}
	if err != nil {
		return nil, err
	}
	return &File{path: path, lock: lock}, nil
}

// Close lets go of the lock.
func (f *File) Close() error { return f.lock.Close() }

// Load reads the state into v and reports whether there was one.
func (f *File) Load(v any) (found bool, err error) {
	text, _, err := read(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var e envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return false, fmt.Errorf("%s: %w; remove it to begin anew", f.path, err)
	}
	if e.Version != version {
		return false, fmt.Errorf("%s has version %d, but this program knows %d", f.path, e.Version, version)
	}
	return true, json.Unmarshal(e.State, v)
}

// Save writes the state: to a file beside, to the disk, and then in place of
// the old one.
func (f *File) Save(name string, v any) error {
	state, err := json.Marshal(v)
	if err != nil {
		return err
	}
	text, err := json.Marshal(envelope{version, name, state})
	if err != nil {
		return err
	}
	return disk.Replace(f.path, text, true)
}

// read reads a file, and says when it was written.
func read(path string) (text []byte, written time.Time, err error) {
	f, err := disk.Open(path)
	if err != nil {
		return nil, time.Time{}, err
	}
	defer f.Close() // only read
	info, err := f.Stat()
	if err != nil {
		return nil, time.Time{}, err
	}
	text, err = io.ReadAll(f)
	return text, info.ModTime(), err
}

// Saved is a checkpoint as it lies in its folder.
type Saved struct {
	Name  string
	Time  time.Time // when it was saved last
	State json.RawMessage
}

// List reads the checkpoints of a folder, whoever holds them.
func List(dir string) (all []Saved, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "kubeanon-*.json"))
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		text, written, err := read(name)
		if err != nil {
			return nil, err
		}
		var e envelope
		if err := json.Unmarshal(text, &e); err != nil {
			return nil, fmt.Errorf("%s: %w; remove it to begin anew", name, err)
		}
		all = append(all, Saved{Name: e.Name, Time: written, State: e.State})
	}
	return all, nil
}
