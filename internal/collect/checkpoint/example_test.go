package checkpoint_test

import (
	"errors"
	"fmt"
	"os"

	"github.com/kubeanon/kubeanon/internal/collect/checkpoint"
)

// One process holds the state of an input, and finds it again.
func Example() {
	dir, _ := os.MkdirTemp("", "checkpoint")
	defer func() { _ = os.RemoveAll(dir) }()

	type state struct{ Offset int64 }
	const name = "kubeanon://audit"
	first, err := checkpoint.Open(dir, name)
	fmt.Println(err, first.Save(name, state{Offset: 4096}))
	_, err = checkpoint.Open(dir, name)
	fmt.Println(errors.Is(err, checkpoint.ErrLocked))
	_ = first.Close()

	second, _ := checkpoint.Open(dir, name)
	defer func() { _ = second.Close() }()
	var s state
	found, err := second.Load(&s)
	fmt.Println(found, err, s.Offset)
	// Output:
	// <nil> <nil>
	// true
	// true <nil> 4096
}
