package logfile_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/kubeanon/kubeanon/internal/logfile"
)

const text = `{"kind":"Event","note":"größer"}` + "\n"

func compressed(t *testing.T, open func(io.Writer) (io.WriteCloser, error), content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := open(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gz(w io.Writer) (io.WriteCloser, error)  { return gzip.NewWriter(w), nil }
func zst(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }
func xzip(w io.Writer) (io.WriteCloser, error) {
	return xz.NewWriter(w)
}

// utf16Of is text in UTF-16, with its lower byte at place low, with a mark if one
// is given.
func utf16Of(text, mark string, low int) []byte {
	out := []byte(mark)
	for _, unit := range utf16.Encode([]rune(text)) {
		pair := [2]byte{}
		pair[low], pair[1-low] = byte(unit&0xff), byte(unit>>8)
		out = append(out, pair[:]...)
	}
	return out
}

// bzipped is "hello\n" by bzip2.
const bzipped = "BZh91AY&SY\xc1\xc0\x80\xe2\x00\x00\x01A\x00\x00\x10\x02D\xa0\x000\xcd\x00\xc3F)\x97\x17rE8P\x90\xc1\xc0\x80\xe2"

// TestUnpack: the text is the same however it is kept.
func TestUnpack(t *testing.T) {
	for name, content := range map[string][]byte{
		"plain": []byte(text), "a byte order mark": []byte("\xef\xbb\xbf" + text),
		"gzip": compressed(t, gz, []byte(text)), "zstd": compressed(t, zst, []byte(text)), "xz": compressed(t, xzip, []byte(text)),
		"UTF-16LE": utf16Of(text, "\xff\xfe", 0), "UTF-16BE": utf16Of(text, "\xfe\xff", 1),
		"UTF-16LE without a mark": utf16Of(text, "", 0), "UTF-16BE without a mark": utf16Of(text, "", 1),
		"UTF-16 in gzip": compressed(t, gz, utf16Of(text, "\xff\xfe", 0)), "a mark in zstd": compressed(t, zst, []byte("\xef\xbb\xbf"+text)),
	} {
		r, err := logfile.Unpack(bytes.NewReader(content))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != text {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err := r.Close(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	r, err := logfile.Unpack(strings.NewReader(bzipped))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "hello\n" {
		t.Errorf("bzip2: %q, %v", got, err)
	}
}

// TestForeign: a format that is not read is named, with what to do.
func TestForeign(t *testing.T) {
	for content, want := range map[string]string{
		"version https://git-lfs.github.com/spec/v1\noid": "git lfs pull", "PAR1\x15\x04": "Parquet", "Obj\x01\x04": "Avro", "ORC\x08": "ORC",
		"SQLite format 3\x00x": "SQLite", "7z\xbc\xaf\x27\x1c": "7-Zip", "Rar!\x1a\x07": "RAR", "\x04\x22\x4d\x18x": "lz4", "\x1f\x9d\x90": "uncompress",
		"%PDF-1.7": "PDF", "\x7fELF\x02": "program", "ElfFile\x00x": "Windows", "\xff\x06\x00\x00sNaPpY": "snappy",
	} {
		_, err := logfile.Unpack(strings.NewReader(content))
		if foreign := new(logfile.ForeignError); !errors.As(err, &foreign) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", content, err, want)
		}
	}
}

func tarred(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "logs/", Mode: 0o755}); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(files); i += 2 {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: files[i], Size: int64(len(files[i+1])), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, files[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, files[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestWalk: each file of an archive has its own name, whatever it is packed with; one
// that cannot be read does not hide the others.
func TestWalk(t *testing.T) {
	inner := string(zipped(t, "deep.log", text))
	outer := tarred(t, "logs/a.log", text, "logs/b.gz", string(compressed(t, gz, []byte(text))), "logs/bad.gz", "\x1f\x8bbroken", "logs/p.parquet", "PAR1", "logs/c.zip", inner)
	file := filepath.Join(t.TempDir(), "x.zip")
	if err := os.WriteFile(file, zipped(t, "one.log", text, "two/", "", "two/three.zst", string(compressed(t, zst, []byte(text)))), 0o600); err != nil {
		t.Fatal(err)
	}
	onDisk, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer onDisk.Close()
	nested := tarred(t, "x", text)
	for range 5 {
		nested = tarred(t, "x.tar", string(nested))
	}
	for _, tc := range []struct {
		name  string
		input io.Reader
		want  []string
	}{
		{"plain", strings.NewReader(text), []string{"plain"}},
		{"t.tar", bytes.NewReader(outer), []string{"t.tar!logs/a.log", "t.tar!logs/b.gz", "error t.tar!logs/bad.gz", "error t.tar!logs/p.parquet", "t.tar!logs/c.zip!deep.log"}},
		{"t.tgz", bytes.NewReader(compressed(t, gz, outer)), []string{"t.tgz!logs/a.log", "t.tgz!logs/b.gz", "error t.tgz!logs/bad.gz", "error t.tgz!logs/p.parquet", "t.tgz!logs/c.zip!deep.log"}},
		{"x.zip", onDisk, []string{"x.zip!one.log", "x.zip!two/three.zst"}},
		{"stream.zip", bytes.NewReader(zipped(t, "one.log", text)), []string{"stream.zip!one.log"}},
		{"cut.zip", strings.NewReader("PK\x03\x04cut"), []string{"error cut.zip"}},
		{"n", bytes.NewReader(nested), []string{"error n!x.tar!x.tar!x.tar!x.tar!x.tar"}},
	} {
		var got []string
		err := logfile.Walk(tc.name, tc.input, func(name string, r io.Reader, err error) error {
			if err != nil {
				name = "error " + name
			} else if content, err := io.ReadAll(r); err != nil || string(content) != text {
				t.Errorf("%s: %q, %v", name, content, err)
			}
			got = append(got, name)
			return nil
		})
		if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", tc.name, err, diff)
		}
	}
	stop := errors.New("stop")
	calls := 0
	if err := logfile.Walk("t.tar", bytes.NewReader(outer), func(string, io.Reader, error) error { calls++; return stop }); !errors.Is(err, stop) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// TestOpen: a file of an archive is opened by the name that Walk gives it.
func TestOpen(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "a!b.tar") // a name may hold the separator itself
	if err := os.WriteFile(archive, tarred(t, "x.log", "no", "y.log", text), 0o600); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(dir, "plain.log")
	if err := os.WriteFile(plain, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		plain: text, archive + "!y.log": text, archive + "!z.log": "archive without such a file", archive: "name one as", filepath.Join(dir, "none!x"): "no such file",
	} {
		var got string
		err := logfile.Open(name, func(r io.Reader) error {
			content, err := io.ReadAll(r)
			got = string(content)
			return err
		})
		if want == text && (err != nil || got != text) || want != text && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}
