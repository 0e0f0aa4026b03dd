package scan

import "bytes"

// Container runtimes cut long lines: CRI marks all parts but the last with P
// (kubelet's log format), Docker's json-file driver leaves the line break out of
// all but the last (16 KiB each). The functions of this file join the parts, since
// a name may go over a cut.

// half is a part of a line.
type half struct {
	stream  string // stdout or stderr, to which it belongs
	head    []byte // what is in front of its content
	content []byte // as it is in the text
	tail    []byte // what follows the content
	more    bool   // another part follows
}

// halfOf reads a line of a container runtime; ok is false for any other line.
func halfOf(line []byte) (h half, ok bool) {
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 0 {
		return half{}, false
	}
	if line[0] >= '0' && line[0] <= '9' {
		return criHalf(line)
	}
	return dockerHalf(line)
}

func criHalf(line []byte) (h half, ok bool) {
	const longestHead = 64
	head := line[:min(len(line), longestHead)]
	for _, stream := range []string{"stdout", "stderr"} {
		i := bytes.Index(head, []byte(" "+stream+" "))
		if i < 0 || bytes.IndexByte(head[:i], ' ') >= 0 {
			continue
		}
		tag := i + len(stream) + 2
		if tag+1 >= len(line) || line[tag+1] != ' ' || line[tag] != 'P' && line[tag] != 'F' {
			continue
		}
		return half{stream: stream, head: line[:tag+2], content: line[tag+2:], more: line[tag] == 'P'}, true
	}
	return half{}, false
}

// dockerBegin is how a line of Docker's driver begins.
const dockerBegin = `{"log":"`

// beginsAsHalf reports whether text may begin with a line of a container runtime:
// CRI's begin with a time.
func beginsAsHalf(text []byte) bool {
	return len(text) > 0 && text[0] >= '0' && text[0] <= '9' || bytes.HasPrefix(text, []byte(dockerBegin))
}

func dockerHalf(line []byte) (h half, ok bool) {
	if !bytes.HasPrefix(line, []byte(dockerBegin)) {
		return half{}, false
	}
	end := bytes.LastIndex(line, []byte(`","stream":"`))
	if end < len(dockerBegin) {
		return half{}, false
	}
	h = half{stream: "stdout", head: line[:len(dockerBegin)], content: line[len(dockerBegin):end], tail: line[end:]}
	if bytes.HasPrefix(h.tail, []byte(`","stream":"stderr"`)) {
		h.stream = "stderr"
	}
	h.more = !bytes.HasSuffix(h.content, []byte(`\n`))
	return h, true
}

// join joins the parts of the line that text begins with, and returns what the
// runtime was given, with the head and the tail of its first part, and the length
// of the lines that it took. n is 0 if text does not begin with a part that
// another follows.
//
// Lines of the other stream between the parts are not taken: joining ends there,
// and what was joined is judged as far as it goes.
func join(text []byte, first int) (joined []byte, n int, lines int64) {
	if !beginsAsHalf(text) {
		return nil, 0, 0 // nearly every line
	}
	n = lineLen(text[:first])
	begin, ok := halfOf(text[:n])
	if !ok || !begin.more {
		return nil, 0, 0
	}
	lines = 1
	joined = append(append(joined, begin.head...), begin.content...)
	for h := begin; h.more && n < len(text) && len(joined) < maxLine; lines++ {
		more := lineLen(text[n:])
		next, ok := halfOf(text[n : n+more])
		if !ok || next.stream != begin.stream {
			break
		}
		joined = append(joined, next.content...)
		n += more
		h = next
	}
	if lines == 1 {
		return nil, 0, 0
	}
	return append(joined, begin.tail...), n, lines
}
