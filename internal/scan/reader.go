package scan

import (
	"compress/flate"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/kubeanon/kubeanon/internal/logfile"
)

// reader reads the inputs and hands out blocks: each to order, and those with
// text to work.
type reader struct {
	config      *Config
	free        chan *block // blocks to be used again
	work, order chan *block
	read        int64
}

func newReader(config *Config, blocks int) *reader {
	r := &reader{config: config, free: make(chan *block, blocks), work: make(chan *block, blocks), order: make(chan *block, blocks)}
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
		if path == logfile.Stdin {
			r.input(ctx, "standard input", r.config.Stdin)
			continue
		}
		files, err := logfile.List(path)
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

// hand hands on a block of the named input; end says that it is the last one,
// name is empty if that was not even opened.
func (r *reader) hand(b *block, end bool, name string, err error) {
	b.end, b.name, b.err = end, name, err
	if end && name != "" {
		b.files = 1
	}
	r.order <- b
	r.work <- b
}

// input reads one input, compressed or not, or the files of an archive.
func (r *reader) input(ctx context.Context, name string, input io.Reader) {
	// What is wrong with a text is handed on with it; only the end of ctx ends the walk.
	_ = logfile.Walk(name, logfile.Counting(input, r.count), func(name string, text io.Reader, err error) error {
		if err != nil {
			r.hand(r.block(), true, name, fmt.Errorf("%s: %w", name, damaged(err)))
		} else {
			r.text(ctx, name, text)
		}
		return ctx.Err()
	})
}

// text reads one text.
func (r *reader) text(ctx context.Context, name string, text io.Reader) {
	cut := cutter{r: text}
	for {
		b := r.block()
		err := cut.next(b)
		switch {
		case err == io.EOF:
			r.hand(b, true, name, nil)
		case err != nil:
			r.hand(b, true, name, fmt.Errorf("%s: %w", name, damaged(err)))
		case ctx.Err() != nil:
			r.hand(b, true, name, nil)
		default:
			r.hand(b, false, name, nil)
			continue
		}
		return
	}
}

// damaged says of a packed file that is not whole what became of it.
func damaged(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the packed file is cut off; what stands before the cut was judged, fetch the file again for the rest", err)
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.As(err, new(flate.CorruptInputError)):
		return fmt.Errorf("%w: the packed file is damaged; what could be unpacked was judged and may be wrong, fetch the file again", err)
	}
	return err
}

// count counts what is read from an input, for the progress.
func (r *reader) count(n int) {
	r.read += int64(n)
	if r.config.Progress != nil {
		r.config.Progress(r.read)
	}
}

// Size is the number of bytes that Run will read of the paths, as far as it
// can be told before: standard input counts nothing.
func Size(paths []string) (size int64) {
	for _, path := range paths {
		files, _ := logfile.List(path)
		for _, file := range files {
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
				size += info.Size()
			}
		}
	}
	return size
}
