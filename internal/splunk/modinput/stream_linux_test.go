package modinput_test

import (
	"bufio"
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
)

// TestDrained: what stands in the pipe when splunkd goes is not out; what
// splunkd has read is.
func TestDrained(t *testing.T) {
	for _, tc := range []struct {
		name  string
		lines int // that splunkd reads before it goes
		want  error
	}{
		{"all is read", 2, nil},
		{"an event is left", 1, syscall.EPIPE},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			flushed := make(chan error, 1)
			go func() {
				s := modinput.NewStream(w)
				s.Write(&modinput.Event{Stanza: "s", Data: []byte("x")})
				flushed <- s.Flush()
			}()
			one := bufio.NewReaderSize(oneByte{r}, 16)
			for range tc.lines { // <stream>, and the event
				for c := byte(0); c != '\n'; {
					if c, err = one.ReadByte(); err != nil {
						t.Fatal(err)
					}
				}
			}
			if tc.want == nil {
				if err := <-flushed; err != nil {
					t.Error(err)
				}
				r.Close()
				return
			}
			r.Close()
			if err := <-flushed; !errors.Is(err, tc.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

// oneByte reads no more than it is asked for.
type oneByte struct{ *os.File }

func (r oneByte) Read(p []byte) (int, error) { return r.File.Read(p[:1]) }
