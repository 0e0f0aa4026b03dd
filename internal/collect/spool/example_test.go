package spool_test

import (
	"fmt"
	"io"
	"log"
	"os"

	"github.com/kubeanon/kubeanon/internal/collect/spool"
)

// A batch that was accepted and is not yet delivered comes again after a restart.
func Example() {
	dir, _ := os.MkdirTemp("", "spool")
	defer func() { _ = os.RemoveAll(dir) }()

	s, _ := spool.Open(dir, 1<<20, log.Printf)
	_ = s.Append([][]byte{[]byte("first")})
	_ = s.Append([][]byte{[]byte("second"), []byte("third")})
	_, done, _ := s.Next()
	done() // the first batch is delivered
	_ = s.Release()

	s, _ = spool.Open(dir, 1<<20, log.Printf)
	_ = s.Close() // no more batches are taken; those that are there come
	for {
		batch, done, err := s.Next()
		if err == io.EOF {
			break
		}
		fmt.Printf("%s\n", batch)
		done()
	}
	// Output:
	// [second third]
}
