package modinput

import (
	"bufio"
	"encoding/xml"
	"io"
	"os"
	"strconv"
	"time"
)

// Event is one event for splunkd. Empty fields are left to the stanza.
type Event struct {
	Stanza string
	Time   time.Time // zero: splunkd finds it in the data
	Source string
	Host   string
	Data   []byte
}

// Stream writes events to splunkd. Nothing has reached it before Flush.
type Stream struct {
	w     *bufio.Writer
	pipe  *os.File // to splunkd; nil if it is none
	begun bool
}

// NewStream returns a stream to w, standard output as a rule.
func NewStream(w io.Writer) *Stream {
	s := &Stream{w: bufio.NewWriterSize(w, 1<<16)}
	if f, ok := w.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeNamedPipe != 0 {
			s.pipe = f
		}
	}
	return s
}

// Write adds an event. XML has no place for most control characters, not even
// escaped: they become U+FFFD, else one of them would end the whole stream.
// Errors are kept for Flush.
func (s *Stream) Write(e *Event) {
	s.begin()
	w := s.w
	_, _ = w.WriteString(`<event stanza="`)
	_ = xml.EscapeText(w, []byte(e.Stanza))
	_, _ = w.WriteString(`" unbroken="1">`)
	if !e.Time.IsZero() {
		_, _ = w.WriteString("<time>")
		_, _ = w.WriteString(strconv.FormatInt(e.Time.Unix(), 10))
		_, _ = w.WriteString(e.Time.Format(".000000"))
		_, _ = w.WriteString("</time>")
	}
	s.element("source", e.Source)
	s.element("host", e.Host)
	_, _ = w.WriteString("<data>")
	_ = xml.EscapeText(w, e.Data)
	_, _ = w.WriteString("</data><done/></event>\n")
}

func (s *Stream) element(name, text string) {
	if text == "" {
		return
	}
	_, _ = s.w.WriteString("<" + name + ">")
	_ = xml.EscapeText(s.w, []byte(text))
	_, _ = s.w.WriteString("</" + name + ">")
}

// Flush hands everything to splunkd, and returns when splunkd has read it: what
// still stands in the pipe is lost if splunkd dies. (On Linux; elsewhere a pipe
// does not tell.) Its error, or that of a Write before, means that splunkd is
// gone: the stream cannot be used any more.
func (s *Stream) Flush() error {
	if err := s.w.Flush(); err != nil || s.pipe == nil {
		return err
	}
	return drained(s.pipe)
}

// Close ends the stream, in order.
func (s *Stream) Close() error {
	s.begin()
	_, _ = s.w.WriteString("</stream>\n")
	return s.w.Flush()
}

func (s *Stream) begin() {
	if !s.begun {
		s.begun = true
		_, _ = s.w.WriteString("<stream>\n")
	}
}
