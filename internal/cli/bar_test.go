package cli

import (
	"bytes"
	"strings"
	"sync"
	"testing"
)

// screen is what a terminal was sent.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

// TestWarner: no warning is lost, whether there is no bar yet, one, or none any
// more; and none steers the terminal.
func TestWarner(t *testing.T) {
	var out screen
	var b *bar
	warn := warner(&out, &b)
	warn("before %d\x1b[2J", 1)
	b = newBar(&out, "working", 100)
	warn("during %d\x1b[2J", 2)
	b.stop()
	warn("after %d\x1b[2J", 3)
	text := out.text.String()
	for _, want := range []string{"kubeanon: before 1", "kubeanon: during 2", "kubeanon: after 3"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q is not there once in %q", want, text)
		}
	}
	if strings.Contains(text, "\x1b[2J") {
		t.Errorf("%q clears the screen", text)
	}
}

// TestShortBar: a bar that is stopped at once comes to its end.
func TestShortBar(t *testing.T) {
	for range 100 {
		newBar(new(screen), "working", 100).stop()
	}
}
