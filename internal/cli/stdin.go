package cli

import (
	"context"
	"io"
	"os"
	"sync"
)

// pipeBuffer is how much is read of standard input at a time: what a pipe holds
// at the most on Linux without more rights.
const pipeBuffer = 1 << 20

// interruptibleReader reads a file until the context ends. The read of a pipe to
// which nobody writes cannot be called off, not even by closing the file; so
// another goroutine reads, from the first Read on, and is left behind.
type interruptibleReader struct {
	ctx  context.Context
	file *os.File
	once sync.Once
	in   *io.PipeReader
}

func (r *interruptibleReader) Read(p []byte) (int, error) {
	r.once.Do(func() {
		in, out := io.Pipe()
		r.in = in
		context.AfterFunc(r.ctx, func() { out.CloseWithError(r.ctx.Err()) })
		go func() {
			// Without the file's own WriteTo, which reads 32 KiB at a time.
			_, err := io.CopyBuffer(out, struct{ io.Reader }{r.file}, make([]byte, pipeBuffer))
			out.CloseWithError(err)
		}()
	})
	return r.in.Read(p)
}
