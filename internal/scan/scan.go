// Package scan reads log files and hands every line to an annotator. It knows
// files, compression and lines; what a line means it does not.
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
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/kubeanon/kubeanon/internal/annotate"
	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/finding"
)

// Stdin is the path that stands for standard input.
const Stdin = "-"

// Stats counts what a scan saw. The names of its JSON form are fixed.
type Stats struct {
	Files       int     `json:"files"`
	Bytes       int64   `json:"bytes"`       // of text, after decompression
	Lines       int64   `json:"lines"`       // records: lines that are not empty, or JSON over several
	Events      int64   `json:"events"`      // audit events; a line that names nobody anonymous is not unwrapped and counts as one
	Hits        int64   `json:"hits"`        // findings
	Undecidable int64   `json:"undecidable"` // lines that may hide an anonymous request
	Seconds     float64 `json:"seconds"`
}

// Scanner scans one input after the other. Its fields are to be set before
// Run; it is not safe for concurrent use.
type Scanner struct {
	Annotator annotate.Annotator
	Stdin     io.Reader              // what "-" reads
	Emit      func(*finding.Finding) // called for each finding, which is valid until it returns
	Warn      func(string)           // called with one line for each input that is odd, but was read
	Progress  func(read int64)       // called with the bytes read from files so far; may be nil

	Stats   Stats
	Reasons map[annotate.Reason]int64 // undecidable lines by reason

	read   int64
	reader *bufio.Reader
	long   []byte // a line that is longer than the buffer
	block  []byte // JSON over several lines
}

// Run scans the paths: files, folders and "-". A path that cannot be read does
// not stop it: errors of all of them are joined. The error of a context that
// ends the scan early is among them.
func (s *Scanner) Run(ctx context.Context, paths []string) error {
	start := time.Now()
	s.Reasons = map[annotate.Reason]int64{}
	s.reader = bufio.NewReaderSize(nil, blockSize)
	var errs []error
	for _, path := range paths {
		if err := s.path(ctx, path); err != nil {
			errs = append(errs, err)
		}
		if err := ctx.Err(); err != nil {
			errs = append(errs, fmt.Errorf("stopped before the end: %w", err))
			break
		}
	}
	s.Stats.Seconds = time.Since(start).Seconds()
	return errors.Join(errs...)
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

func (s *Scanner) path(ctx context.Context, path string) error {
	if path == Stdin {
		return s.text(ctx, "standard input", s.Stdin)
	}
	files, err := list(path)
	errs := []error{err}
	for _, file := range files {
		if err := s.file(ctx, file); err != nil {
			errs = append(errs, err)
		}
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
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

func (s *Scanner) file(ctx context.Context, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	return s.text(ctx, name, f)
}

// lfsPointer is how a file begins that Git LFS has not fetched
// (git-lfs docs/spec.md).
const lfsPointer = "version https://git-lfs.github.com/spec/"

// text scans one input, compressed or not.
func (s *Scanner) text(ctx context.Context, name string, input io.Reader) error {
	counted := &counter{Reader: input, scanner: s}
	s.reader.Reset(counted)
	s.Stats.Files++
	head, _ := s.reader.Peek(len(lfsPointer))
	switch {
	case string(head) == lfsPointer:
		return fmt.Errorf("%s: a Git LFS pointer, not the log itself; fetch it with \"git lfs pull\"", name)
	case bytes.HasPrefix(head, gzipMagic):
		unpacked, err := gzip.NewReader(s.below(counted))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.reader.Reset(unpacked)
	case bytes.HasPrefix(head, zstdMagic):
		unpacked, err := zstd.NewReader(s.below(counted), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		defer unpacked.Close()
		s.reader.Reset(unpacked)
	}
	events, lines, undecidable := s.Stats.Events, s.Stats.Lines, s.Stats.Undecidable
	if err := s.lines(ctx); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if s.Stats.Lines > lines && s.Stats.Events == events && s.Stats.Undecidable == undecidable {
		s.Warn(fmt.Sprintf("%s: no audit events in it; is it a Kubernetes audit log?", name))
	}
	return nil
}

// How compressed files begin (RFC 1952, RFC 8878); the name of a file says
// nothing.
var (
	gzipMagic = []byte{0x1f, 0x8b}
	zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}
)

// below is the input as it was before the reader looked at it, so that a
// decompressor can stand between the two.
func (s *Scanner) below(input io.Reader) io.Reader {
	seen, _ := s.reader.Peek(s.reader.Buffered())
	return bufio.NewReaderSize(io.MultiReader(bytes.NewReader(bytes.Clone(seen)), input), blockSize)
}

// lines reads to the end of the input.
func (s *Scanner) lines(ctx context.Context) error {
	for ctx.Err() == nil {
		line, err := s.line()
		if err == nil && opens(line) {
			line, err = s.indented(line)
		}
		if len(line) > 0 {
			s.judge(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// line reads a line, without its end and valid until the next call. Of a line
// longer than maxLine it returns the beginning. The last line comes with
// io.EOF.
func (s *Scanner) line() ([]byte, error) {
	line, err := s.reader.ReadSlice('\n')
	s.Stats.Bytes += int64(len(line))
	if err == bufio.ErrBufferFull {
		s.long = append(s.long[:0], line...)
		for err == bufio.ErrBufferFull {
			line, err = s.reader.ReadSlice('\n')
			s.Stats.Bytes += int64(len(line))
			if room := maxLine - len(s.long); room > 0 {
				s.long = append(s.long, line[:min(room, len(line))]...)
			}
		}
		line = s.long
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), err
}

// opens reports whether a line is the beginning of JSON that goes on in the
// next one: it begins with a bracket and closes less than it opens. Of a long
// line only the end is looked at: people do not indent what is that long.
func opens(line []byte) bool {
	line = bytes.TrimSpace(line)
	if len(line) == 0 || line[0] != '{' && line[0] != '[' {
		return false
	}
	switch line[len(line)-1] {
	case '{', '[', ',':
		return audit.Depth(line) > 0
	}
	return false
}

// indented reads on from the first line of JSON that was written over several
// lines: as long as lines are indented or close something, and until the value
// is closed. A line that was only cut is not followed by such. Of an array the
// first line is let go, so that its elements come one by one, however many
// there are.
func (s *Scanner) indented(first []byte) ([]byte, error) {
	if string(bytes.TrimSpace(first)) == "[" {
		return nil, nil
	}
	s.block = append(s.block[:0], first...)
	for depth := audit.Depth(first); ; {
		next, err := s.reader.Peek(1)
		if err != nil || !bytes.ContainsAny(next, " \t}]") || len(s.block) > maxLine {
			return s.block, nil // the reader will say again what is wrong
		}
		line, err := s.line()
		s.block = append(append(s.block, '\n'), line...)
		if depth += audit.Depth(line); depth <= 0 || err != nil {
			return s.block, err
		}
	}
}

func (s *Scanner) judge(line []byte) {
	if trimmed := bytes.Trim(line, " \t\r\n,"); len(trimmed) == 0 || string(trimmed) == "]" {
		return // nothing, or the end of an array whose elements came one by one
	}
	s.Stats.Lines++
	if s.Annotator.Skip(line, false) {
		if looksAudit(line) {
			s.Stats.Events++
		}
		return
	}
	events, reason := s.Annotator.Text(line, s.emit)
	s.Stats.Events += int64(events)
	if reason != annotate.Decided {
		s.Stats.Undecidable++
		s.Reasons[reason]++
	}
}

func (s *Scanner) emit(f *finding.Finding) {
	s.Stats.Hits++
	s.Emit(f)
}

// looksAudit reports whether a line that is not parsed is an audit event or
// holds some: near its beginning stands what only they have.
func looksAudit(line []byte) bool {
	head := line[:min(len(line), 512)]
	return bytes.Contains(head, []byte("audit.k8s.io/")) || bytes.Contains(head, []byte("auditID")) || bytes.Contains(head, []byte("k8s.io"))
}

// counter counts what is read from an input, for the progress.
type counter struct {
	io.Reader
	scanner *Scanner
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.scanner.read += int64(n)
	if c.scanner.Progress != nil {
		c.scanner.Progress(c.scanner.read)
	}
	return n, err
}
