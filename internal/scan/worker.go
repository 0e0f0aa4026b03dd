package scan

import (
	"bytes"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/detect"
)

// worker judges blocks, one after the other.
type worker struct {
	detector *detect.Detector
	sink     Sink
	rows     RowSink // the sink, if it is one
}

func newWorker(config *Config) *worker {
	w := &worker{detector: detect.New(config.Policy, config.All), sink: config.Sink}
	w.detector.Cluster = config.Cluster
	w.rows, _ = config.Sink.(RowSink)
	return w
}

// judge judges the records of a block. The search for candidates runs ahead
// over the whole block; records before the next one are not looked into.
func (w *worker) judge(b *block) {
	b.stats.Bytes = int64(len(b.text))
	text, next := b.text, -1 // next is where in text the next candidate is
	for len(text) > 0 {
		if next < 0 {
			next = audit.Next(text)
		}
		n, lines := record(text)
		if joined, all, parts := join(text, n); all > 0 {
			// A name may go over a cut, so this is always parsed.
			n, lines = all, parts
			w.record(b, joined, false)
		} else {
			w.record(b, text[:n], next >= n)
		}
		b.lines += lines
		text, next = text[n:], next-n
	}
}

// Record is the record that text begins with, with its line break: a slice of it.
func Record(text []byte) []byte {
	n, _ := record(text)
	return text[:n]
}

// record is the length of the record that text begins with, and its lines: a
// line with its break, or the lines of JSON that somebody laid out. A line that was only cut
// is not followed by indented ones. Of an array the first line is a record of
// its own, so that its elements come one by one, however many there are.
func record(text []byte) (n int, lines int64) {
	n, lines = lineLen(text), 1
	depth := opened(text[:n])
	for depth > 0 && n < len(text) && n < maxLine && (continues(text[n:]) || text[n] == '"') {
		more := lineLen(text[n:])
		depth += audit.Depth(text[n : n+more])
		n += more
		lines++
	}
	return n, lines
}

func lineLen(text []byte) int {
	if n := bytes.IndexByte(text, '\n'); n >= 0 {
		return n + 1
	}
	return len(text)
}

// opened is how many brackets a line opens that the next ones have to close: 0
// unless it is the first one of JSON that somebody laid out, which begins with
// a bracket, perhaps behind a prefix, and ends with one or a comma.
func opened(line []byte) int {
	if n := len(line); n > 1 && line[0] == '{' && line[n-1] == '\n' && line[n-2] == '}' {
		return 0 // nearly every line; what follows is not cheap
	}
	line = bare(line)
	if len(line) == 0 || string(line) == "[" {
		return 0
	}
	if line[0] != '{' && line[0] != '[' {
		if !bytes.HasSuffix(line, []byte(" {")) && !bytes.HasSuffix(line, []byte(`"{`)) {
			return 0
		}
		return 1
	}
	switch line[len(line)-1] {
	case '{', '[', ',':
		return audit.Depth(line)
	}
	return 0
}

// record judges a record; it is nameless if it is known to be no candidate.
func (w *worker) record(b *block, text []byte, nameless bool) {
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	if len(text) > maxLine {
		text = text[:maxLine]
	}
	if isEmpty(text) {
		return
	}
	b.stats.Lines++
	if nameless && w.detector.CanSkipNameless(text) {
		if looksAudit(text) {
			b.stats.Events++
		}
		return
	}
	events, reason := w.detector.Text(text, func(f *detect.Finding) {
		if w.sink.Drops(f) {
			return
		}
		b.stats.Hits++
		if w.rows != nil {
			b.rows = w.rows.AppendRow(b.rows, f)
			return
		}
		event := *f.Event // which the decoder uses again
		kept := *f
		kept.Event = &event
		kept.Place.Line = b.lines + 1
		b.findings = append(b.findings, kept)
	})
	b.stats.Events += int64(events)
	if reason != detect.Decided {
		b.stats.Undecidable++
		if b.reasons == nil {
			b.reasons, b.first = map[detect.Reason]int64{}, map[detect.Reason]int64{}
		}
		if b.reasons[reason] == 0 {
			b.first[reason] = b.lines + 1
		}
		b.reasons[reason]++
	}
}

// isEmpty reports whether a line holds nothing, or only an end of an array whose
// elements come one by one.
func isEmpty(line []byte) bool {
	if len(line) > 0 && line[0] == '{' {
		return false // nearly every line; what follows is not cheap
	}
	line = bytes.Trim(bare(line), " \t\r\n,")
	return len(line) == 0 || len(line) == 1 && (line[0] == '[' || line[0] == ']')
}

// bare is a line without blanks, a byte order mark, and the NULs that a file
// begins with that was truncated under its writer.
func bare(line []byte) []byte {
	line = bytes.TrimLeft(line, "\x00")
	return bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")))
}

// looksAudit reports whether a line that is not parsed is an audit event or
// holds some: it has what only they have.
func looksAudit(line []byte) bool {
	if audit.Plain(line) {
		return true
	}
	for _, mark := range []string{"audit.k8s.io", "auditID", "AuditId", "auditid", "k8s.io"} {
		if bytes.Contains(line, []byte(mark)) {
			return true
		}
	}
	return false
}
