package spool_test

import (
	"fmt"
	"io"
	"os"

	"github.com/kubeanon/kubeanon/internal/collect/spool"
)

// What was accepted and is not yet out comes again after a restart.
func Example() {
	dir, _ := os.MkdirTemp("", "spool")
	defer func() { _ = os.RemoveAll(dir) }()

	s, _ := spool.Open(dir, 1<<20)
	_ = s.Append([][]byte{[]byte("first")})
	_ = s.Append([][]byte{[]byte("second"), []byte("third")})
	_, done, _ := s.Next()
	done() // the first batch is out
	_ = s.Close()

	s, _ = spool.Open(dir, 1<<20)
	_ = s.Close() // nothing more comes; what is there does
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
