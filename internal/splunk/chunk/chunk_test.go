package chunk_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeanon/kubeanon/internal/splunk/chunk"
)

// frame is what a test reads back.
type frame struct{ Metadata, Body string }

func readAll(r io.Reader) (frames []frame, err error) {
	reader := chunk.NewReader(r)
	for {
		c, err := reader.Next()
		if err != nil {
			return frames, err
		}
		body, err := io.ReadAll(c.Body)
		if err != nil {
			return frames, err
		}
		frames = append(frames, frame{string(c.Metadata), string(body)})
	}
}

func encode(frames ...frame) []byte {
	var b bytes.Buffer
	w := chunk.NewWriter(&b)
	for _, f := range frames {
		if err := w.Write([]byte(f.Metadata), []byte(f.Body)); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

// TestSizes crosses body sizes around the reader's buffers with ways in which
// a pipe hands out bytes.
func TestSizes(t *testing.T) {
	readers := map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "one byte": iotest.OneByteReader, "half": iotest.HalfReader, "data and error": iotest.DataErrReader,
	}
	for _, size := range []int{0, 1, 4095, 4096, 4097, 70_000} {
		want := []frame{{`{"a":1}`, strings.Repeat("x", size)}, {"{}", ""}, {"", "\n\x00chunked 1.0,1,1\n"}}
		for name, wrap := range readers {
			got, err := readAll(wrap(bytes.NewReader(encode(want...))))
			if err != io.EOF {
				t.Errorf("%s, %d bytes: %v", name, size, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, %d bytes (-want +got)\n%s", name, size, diff)
			}
		}
	}
}

// TestUnread shows that what a command leaves of a body does not shift what
// follows.
func TestUnread(t *testing.T) {
	r := chunk.NewReader(bytes.NewReader(encode(frame{"1", strings.Repeat("x", 10_000)}, frame{"2", ""})))
	for _, want := range []string{"1", "2"} {
		c, err := r.Next()
		if err != nil || string(c.Metadata) != want {
			t.Fatalf("got %q, %v; want %q", c.Metadata, err, want)
		}
	}
}

// TestTruncation cuts a stream at every byte: only between frames it is a
// clean end, and no byte of a cut body is taken for a whole one.
func TestTruncation(t *testing.T) {
	first := encode(frame{`{"action":"x"}`, "a,b\n1,2\n"})
	stream := append(bytes.Clone(first), encode(frame{"{}", "y"})...)
	for n := range stream {
		_, err := readAll(bytes.NewReader(stream[:n]))
		if n == 0 || n == len(first) {
			if err != io.EOF {
				t.Errorf("cut at %d, between frames: %v", n, err)
			}
			continue
		}
		var frame *chunk.Error
		if !errors.As(err, &frame) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("cut at %d: %v", n, err)
		}
	}
}

func TestHeaders(t *testing.T) {
	for header, want := range map[string]string{
		"chunked 1.0,2,0\n":                   "",
		"chunked   1.0 , 2 , 0 \n":            "",
		"chunked 1.0,2,0\r\n":                 "", // CR is a blank
		"chunked 1.1,2,0\n":                   "is not",
		"chunked 1.0,-2,0\n":                  "is not",
		"chunked 1.0,2\n":                     "is not",
		"\n":                                  "is not",
		"chunked 1.0,2,1073741825\n":          "over the limit of 1073741824",
		"chunked 1.0,4194305,0\n":             "over the limit of 4194304",
		"chunked 1.0,2,9999999999999999999\n": "over the limit",
		strings.Repeat("x", 1000):             "has no end within 128 bytes",
	} {
		_, err := readAll(strings.NewReader(header + "{}"))
		if want == "" && err != io.EOF || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.40q: %v; want %q", header, err, want)
		}
	}
}

// TestSticky shows that a reader that failed stays failed.
func TestSticky(t *testing.T) {
	r := chunk.NewReader(strings.NewReader("garbage\nchunked 1.0,2,0\n{}"))
	_, first := r.Next()
	_, second := r.Next()
	if first == nil || first != second {
		t.Errorf("got %v, then %v", first, second)
	}
	w := chunk.NewWriter(&failing{})
	if err := w.Write(nil, nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write: %v", err)
	}
	if err := w.Write(nil, nil); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("write again: %v", err)
	}
}

// failing fails once.
type failing struct{ done bool }

func (f *failing) Write(p []byte) (int, error) {
	if f.done {
		return len(p), nil
	}
	f.done = true
	return 0, io.ErrClosedPipe
}

// FuzzReader feeds any bytes: whatever is taken for a frame is one, and the
// bytes of its body are those that were sent.
func FuzzReader(f *testing.F) {
	f.Add(encode(frame{"{}", "a\n"}, frame{"", ""}))
	f.Add([]byte("chunked 1.0 , 2 ,1\n{}xchunked 1.0,9,9\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		frames, err := readAll(bytes.NewReader(stream))
		if err == nil {
			t.Fatal("a stream has an end")
		}
		again, _ := readAll(bytes.NewReader(encode(frames...)))
		if diff := cmp.Diff(frames, again); diff != "" {
			t.Fatal(diff)
		}
		for _, fr := range frames {
			if !bytes.Contains(stream, []byte(fr.Metadata+fr.Body)) {
				t.Fatalf("%q was never sent", fr)
			}
		}
	})
}

// FuzzRoundTrip writes any two frames and reads them back.
func FuzzRoundTrip(f *testing.F) {
	f.Add([]byte("{}"), []byte("a\n"), []byte(""), []byte("chunked 1.0,0,0\n"))
	f.Fuzz(func(t *testing.T, m1, b1, m2, b2 []byte) {
		want := []frame{{string(m1), string(b1)}, {string(m2), string(b2)}}
		got, err := readAll(iotest.HalfReader(bytes.NewReader(encode(want...))))
		if diff := cmp.Diff(want, got); diff != "" || err != io.EOF {
			t.Fatal(err, diff)
		}
	})
}

func BenchmarkReader(b *testing.B) {
	stream := encode(frame{`{"action":"execute","finished":false}`, strings.Repeat("x", 16<<20)})
	buf := make([]byte, 1<<20)
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		c, err := chunk.NewReader(bytes.NewReader(stream)).Next()
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = c.Body.Read(buf)
		}
		if err != io.EOF {
			b.Fatal(err)
		}
	}
}

func ExampleReader() {
	r := chunk.NewReader(strings.NewReader("chunked 1.0,37,6\n{\"action\":\"execute\",\"finished\":false}a\n1\n2\n"))
	c, _ := r.Next()
	body, _ := io.ReadAll(c.Body)
	fmt.Printf("%s\n%s", c.Metadata, body)
	// Output:
	// {"action":"execute","finished":false}
	// a
	// 1
	// 2
}
