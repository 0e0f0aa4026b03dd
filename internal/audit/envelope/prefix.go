package envelope

import "bytes"

// prefix looks for JSON in a line that begins otherwise, and names what stands
// before it: a container runtime's (CRI) line, "2026-11-20T08:15:30.1Z stdout F
// {...}"; an export of CloudWatch to S3, a time and a blank; a syslog header.
// n is where the JSON begins, -1 if there is none.
//
// Text of the log of some program may hold JSON too (klog does); whether it is
// an event its own marks say.
func prefix(line []byte) (n int, format string) {
	head := line[:min(len(line), maxPrefix)]
	if end := bytes.IndexByte(head, '\n'); end >= 0 {
		head = head[:end]
	}
	if n = objectAt(head); n < 0 {
		// Text and a line break, and then perhaps another line.
		if end := bytes.IndexByte(line, '\n'); end >= 0 {
			return end + 1, ""
		}
		return -1, ""
	}
	before := bytes.Fields(head[:n])
	switch {
	case len(before) >= 3 && isTime(before[0]) && (string(before[1]) == "stdout" || string(before[1]) == "stderr"):
		return n, "cri"
	case len(before) == 1 && isTime(before[0]):
		return n, "s3export"
	case head[0] == '<':
		return n, "syslog"
	}
	return n, "line"
}

// objectAt is where an object begins in a line, -1 if none does: a brace and a
// quote, or a brace where the line was cut.
func objectAt(head []byte) int {
	for from := 0; ; {
		i := bytes.IndexByte(head[from:], '{')
		if i < 0 {
			return -1
		}
		from += i + 1
		if rest := bytes.TrimLeft(head[from:], " \t"); len(rest) == 0 || rest[0] == '"' {
			return from - 1
		}
	}
}

// isTime reports whether a word begins as an RFC 3339 time does.
func isTime(word []byte) bool {
	const form = "0000-00-00T00:00:00"
	if len(word) < len(form) {
		return false
	}
	for i := range len(form) {
		c := word[i]
		if digit := c >= '0' && c <= '9'; digit != (form[i] == '0') || !digit && c != form[i] {
			return false
		}
	}
	return true
}
