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
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// How files begin that are compressed (RFC 1952, RFC 8878, the formats of bzip2
// and xz), archives (APPNOTE.TXT 4.3.7, POSIX ustar) and text that is not UTF-8.
// The name of a file says nothing.
var (
	gzipMagic  = []byte{0x1f, 0x8b}
	zstdMagic  = []byte{0x28, 0xb5, 0x2f, 0xfd}
	bzip2Magic = []byte("BZh")
	xzMagic    = []byte{0xfd, '7', 'z', 'X', 'Z', 0}
	zipMagic   = []byte("PK\x03\x04")
	tarMagic   = []byte("ustar") // at ustarAt
)

const ustarAt = 257

// foreign are formats that are known and not read, and what to do about them.
var foreign = []struct {
	magic  string
	advice string
}{
	{"version https://git-lfs.github.com/spec/", "a Git LFS pointer, not the log itself; fetch it with \"git lfs pull\""},
	{"PAR1", "a Parquet file; write it as JSON lines first, for example with DuckDB: COPY (FROM 'FILE') TO 'FILE.json'"},
	{"ORC", "an ORC file; write it as JSON lines first, for example with \"orc-contents\""},
	{"Obj\x01", "an Avro file; write it as JSON lines first, for example with \"avro-tools tojson\""},
	{"SQLite format 3\x00", "an SQLite database; export the column with the events first, with \"sqlite3 FILE 'select ...'\""},
	{"7z\xbc\xaf\x27\x1c", "a 7-Zip archive; unpack it first, with \"7z x\""},
	{"Rar!\x1a\x07", "a RAR archive; unpack it first, with \"unrar x\""},
	{"\x04\x22\x4d\x18", "compressed with lz4; unpack it first, with \"lz4 -d\""},
	{"\xff\x06\x00\x00sNaPpY", "compressed with snappy; unpack it first, with \"snzip -d\""},
	{"\x1f\x9d", "compressed with compress; unpack it first, with \"uncompress\""},
	{"\x89PNG", "a picture, not a log"},
	{"%PDF-", "a PDF document, not a log"},
	{"\x7fELF", "a program, not a log"},
	{"ElfFile\x00", "a Windows event log, not an audit log of Kubernetes"},
}

// A ForeignError says that a file is of a format that is not read, and what to
// convert it with.
type ForeignError struct{ advice string }

func (e *ForeignError) Error() string { return e.advice }

// Unpack is the text of an input as UTF-8, whatever it is compressed with. Closing
// it does not close the input. An archive has several texts: see Walk.
func Unpack(input io.Reader) (io.ReadCloser, error) {
	buffered := bufio.NewReaderSize(input, headSize)
	head := head(buffered, len(foreign[0].magic))
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return nil, &ForeignError{f.advice}
		}
	}
	switch {
	case bytes.HasPrefix(head, gzipMagic):
		unpacked, err := gzip.NewReader(bufio.NewReaderSize(buffered, packedSize))
		return closing(unpacked, err)
	case bytes.HasPrefix(head, zstdMagic):
		unpacked, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err
		}
		return closing(unpacked.IOReadCloser(), nil)
	case bytes.HasPrefix(head, xzMagic):
		unpacked, err := xz.ReaderConfig{DictCap: maxWindow}.NewReader(bufio.NewReaderSize(buffered, packedSize))
		if err != nil {
			return nil, err
		}
		return decoded(unpacked)
	case bytes.HasPrefix(head, bzip2Magic) && len(head) > 3 && head[3] >= '1' && head[3] <= '9':
		return decoded(bzip2.NewReader(bufio.NewReaderSize(buffered, packedSize)))
	}
	return decoded(buffered)
}

// closing is decoded for a reader that is to be closed.
func closing(unpacked io.ReadCloser, err error) (io.ReadCloser, error) {
	if err != nil {
		return nil, err
	}
	text, err := decoded(unpacked)
	if err != nil {
		_ = unpacked.Close() // the other error says more
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{text, unpacked}, nil
}

// decoded is text in UTF-8 without a byte order mark. UTF-16 is known by its mark,
// or by the zero beside a first bracket.
func decoded(r io.Reader) (io.ReadCloser, error) {
	buffered, ok := r.(*bufio.Reader)
	if !ok {
		buffered = bufio.NewReaderSize(r, headSize)
	}
	head := head(buffered, 4)
	utf16 := func(order unicode.Endianness) (io.ReadCloser, error) {
		return io.NopCloser(transform.NewReader(buffered, unicode.UTF16(order, unicode.UseBOM).NewDecoder())), nil
	}
	switch {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, err := buffered.Discard(3)
		return io.NopCloser(buffered), err
	case bytes.HasPrefix(head, []byte("\xff\xfe")), len(head) == 4 && (head[0] == '{' || head[0] == '[') && head[1] == 0 && head[3] == 0:
		return utf16(unicode.LittleEndian)
	case bytes.HasPrefix(head, []byte("\xfe\xff")), len(head) == 4 && head[0] == 0 && (head[1] == '{' || head[1] == '[') && head[2] == 0:
		return utf16(unicode.BigEndian)
	}
	return io.NopCloser(buffered), nil
}

// head is the beginning of what one read gives, up to n bytes: a slow writer is not
// waited for. An error comes again with the next read.
func head(r *bufio.Reader, n int) []byte {
	_, _ = r.Peek(1)
	begin, _ := r.Peek(min(r.Buffered(), n))
	return begin
}

// Open opens a file, or with ARCHIVE!FILE a file of an archive as Walk names it, and
// calls read with its text.
func Open(name string, read func(text io.Reader) error) error {
	f, err := os.Open(name)
	path := name
	for i := 0; errors.Is(err, os.ErrNotExist); {
		at := strings.IndexByte(name[i:], '!')
		if at < 0 {
			return err
		}
		path, i = name[:i+at], i+at+1
		if member, merr := os.Open(path); merr == nil {
			f, err = member, nil
		}
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	found := false
	err = Walk(path, f, func(member string, text io.Reader, err error) error {
		if member != name {
			return nil
		}
		found = true
		if err != nil {
			return err
		}
		return read(text)
	})
	if err == nil && !found {
		err = fmt.Errorf("%s is an archive without such a file, or of several: name one as %s!FILE", name, path)
	}
	return err
}

// Walk calls each with the text of an input, and if that is an archive (zip or
// tar, compressed or not) with the text of each file in it, in order. A file of an
// archive is named ARCHIVE!FILE. A text is valid until each returns; what is wrong
// with one is given to each as an error and does not stop the walk. Walk ends when
// each returns an error, and returns that.
func Walk(name string, input io.Reader, each func(name string, text io.Reader, err error) error) error {
	return walk(name, input, 0, each)
}

func walk(name string, input io.Reader, depth int, each func(name string, text io.Reader, err error) error) error {
	if depth > maxNested {
		return each(name, nil, errors.New("too many archives within archives"))
	}
	buffered := bufio.NewReaderSize(input, headSize)
	if bytes.HasPrefix(head(buffered, len(zipMagic)), zipMagic) {
		return walkZip(name, input, buffered, depth, each)
	}
	text, err := Unpack(buffered)
	if err != nil {
		return each(name, nil, err)
	}
	defer func() { _ = text.Close() }() // only read
	inner := bufio.NewReaderSize(text, headSize)
	switch head := head(inner, ustarAt+len(tarMagic)); {
	case len(head) > ustarAt && bytes.Equal(head[ustarAt:], tarMagic):
		return walkTar(name, inner, depth, each)
	case bytes.HasPrefix(head, zipMagic):
		return walkZip(name, nil, inner, depth, each)
	}
	return each(name, inner, nil)
}

func walkTar(name string, input io.Reader, depth int, each func(name string, text io.Reader, err error) error) error {
	archive := tar.NewReader(input)
	for {
		header, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return each(name, nil, err)
		}
		if header.Typeflag != tar.TypeReg {
			continue // a folder, or a link to another member
		}
		if err := walk(name+"!"+header.Name, archive, depth+1, each); err != nil {
			return err
		}
	}
}

// walkZip reads the archive in place if it is a file, and else from memory, since
// its list of files is at its end.
func walkZip(name string, input, buffered io.Reader, depth int, each func(name string, text io.Reader, err error) error) error {
	var at io.ReaderAt
	var size int64
	if file, ok := underlying(input).(*os.File); ok && depth == 0 {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			at, size = file, info.Size()
		}
	}
	if at == nil {
		text, err := io.ReadAll(io.LimitReader(buffered, maxArchive+1))
		switch {
		case err != nil:
			return each(name, nil, err)
		case len(text) > maxArchive:
			return each(name, nil, fmt.Errorf("a zip archive of more than %d MB in a stream or another archive; unpack it first", maxArchive>>20))
		}
		at, size = bytes.NewReader(text), int64(len(text))
	}
	archive, err := zip.NewReader(at, size)
	if err != nil {
		return each(name, nil, err)
	}
	for _, file := range archive.File {
		if !file.Mode().IsRegular() {
			continue
		}
		inner := name + "!" + file.Name
		text, err := file.Open()
		if err != nil {
			if err := each(inner, nil, err); err != nil {
				return err
			}
			continue
		}
		err = walk(inner, text, depth+1, each)
		_ = text.Close() // only read
		if err != nil {
			return err
		}
	}
	return nil
}

// underlying is the reader that Counting was given.
func underlying(r io.Reader) io.Reader {
	if c, ok := r.(*counter); ok {
		return c.Reader
	}
	return r
}
