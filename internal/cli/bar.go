package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// bar shows how far a scan is. A nil bar shows nothing.
type bar struct {
	screen  io.Writer
	writer  progress.Writer
	tracker *progress.Tracker
	done    chan struct{}
}

// newBar starts a bar for something that goes through total bytes; 0 if that is not known.
func newBar(w io.Writer, doing string, total int64) *bar {
	b := &bar{
		screen:  w,
		writer:  progress.NewWriter(),
		tracker: &progress.Tracker{Message: doing, Total: total, Units: progress.UnitsBytes},
		done:    make(chan struct{}),
	}
	b.writer.SetOutputWriter(w)
	b.writer.SetUpdateFrequency(100 * time.Millisecond)
	b.writer.SetStyle(progress.StyleBlocks)
	b.writer.Style().Visibility.Speed = true
	b.writer.Style().Options.TimeInProgressPrecision = time.Second
	b.writer.Style().Options.SpeedPrecision = time.Millisecond
	b.writer.Style().Visibility.ETA = total > 0
	b.writer.AppendTracker(b.tracker)
	go func() {
		b.writer.Render()
		close(b.done)
	}()
	return b
}

// update is what a scan calls with the bytes read so far.
func (b *bar) update() func(read int64) {
	if b == nil {
		return nil
	}
	total := b.tracker.Total
	return func(read int64) {
		if total > 0 { // a tracker that is done would leave a line of its own
			read = min(read, total-1)
		}
		b.tracker.SetValue(read)
	}
}

// add counts bytes.
func (b *bar) add(n int64) {
	if b != nil {
		b.tracker.Increment(n)
	}
}

// say changes what the bar says.
func (b *bar) say(text string) {
	if b != nil {
		b.tracker.UpdateMessage(text)
	}
}

// warn prints a line above the bar, or where the bar was.
func (b *bar) warn(line string) {
	select {
	case <-b.done:
		_, _ = io.WriteString(b.screen, line+"\n") // there is nobody left to tell
	default:
		b.writer.Log("%s", line)
	}
}

// warner prints warnings: above the bar, once there is one.
func warner(stderr io.Writer, b **bar) func(format string, args ...any) {
	return func(format string, args ...any) {
		line := prefixed(fmt.Sprintf(format, args...))
		if *b != nil {
			(*b).warn(line)
			return
		}
		fmt.Fprintln(stderr, line)
	}
}

// stop takes the bar off the screen, and the ^C that the terminal echoes there.
func (b *bar) stop() {
	if b == nil {
		return
	}
	// Stop does nothing before the bar was first drawn, which takes a moment: what
	// is done sooner would wait for ever.
	for stopped := false; !stopped; {
		b.writer.Stop()
		select {
		case <-b.done:
			stopped = true
		case <-time.After(time.Millisecond):
		}
	}
	// The bar is the line above the cursor, whose own may begin with ^C.
	_, _ = io.WriteString(b.screen, "\r\x1b[K\x1b[A\x1b[K")
}
