package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubeanon/kubeanon/internal/splunk/splunkd"
)

// source makes audit logs out of the recorded events in testdata: the same
// bytes for the same seed. IDs of hits begin with hitID, so that every tool can
// be held against the truth.
type source struct {
	rand          *rand.Rand
	plain, hits   []string // events of others, and anonymous ones
	written, want int      // lines, and hits among them
}

const (
	hitID   = "aaaaaaaa-"
	otherID = "00000000-"
)

func newSource(seed uint64) (*source, error) {
	f, err := os.Open("testdata/audit/kube-apiserver-1.36.ndjson.gz")
	if err != nil {
		return nil, fmt.Errorf("run it in the root of the repository: %w", err)
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	s := &source{rand: rand.New(rand.NewPCG(seed, 0))}
	lines := bufio.NewScanner(unpacked)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var ev struct {
			AuditID string
			User    struct {
				Username string
				Groups   []string
			}
			ImpersonatedUser json.RawMessage
		}
		if err := json.Unmarshal(lines.Bytes(), &ev); err != nil {
			return nil, err
		}
		text := strings.Replace(lines.Text(), `"auditID":"`+ev.AuditID+`"`, `"auditID":"%"`, 1)
		named := strings.Contains(text, "system:anonymous") || strings.Contains(text, "system:unauthenticated")
		switch {
		case !strings.Contains(text, `"auditID":"%"`): // the client chose an ID that needs escapes
		case ev.User.Username == "system:anonymous" && strings.Join(ev.User.Groups, "") == "system:unauthenticated" && len(text) < 4<<10:
			s.hits = append(s.hits, text)
		case !named:
			s.plain = append(s.plain, text)
		}
	}
	return s, lines.Err()
}

// mix says what a log is made of.
type mix struct {
	hits float64 // share of lines that are anonymous
	line int     // length of the other lines in bytes; 0 as they were recorded
}

// line appends one event and a line break.
func (s *source) line(dst []byte, m mix) []byte {
	s.written++
	id, text := otherID, s.plain[s.rand.IntN(len(s.plain))]
	if s.rand.Float64() < m.hits {
		s.want++
		id, text = hitID, s.hits[s.rand.IntN(len(s.hits))]
		if s.want%500 == 0 { // every spelling that JSON allows
			text = strings.Replace(text, `"system:anonymous"`, `"\u0073ystem:anonymous"`, 1)
		}
	} else if s.written%2000 == 0 { // a name where it means nothing
		text = strings.Replace(text, `"userAgent":"`, `"userAgent":"system:anonymous `, 1)
	}
	before, after, _ := strings.Cut(text, "%")
	dst = append(fmt.Appendf(append(dst, before...), "%s%04x-4000-8000-%012x", id, s.written>>16&0xffff, s.written), after...)
	if m.line > 0 && id == otherID {
		dst = s.pad(dst, len(before)+len(after)+len("00000000-0000-4000-8000-000000000000"), m.line)
	}
	return append(dst, '\n')
}

// pad makes the event at the end of dst, n bytes long, as long as wanted: with
// a body, or by leaving nothing but who asked.
func (s *source) pad(dst []byte, n, want int) []byte {
	from := len(dst) - n
	if want < n {
		id := bytes.Index(dst[from:], []byte(otherID))
		short := fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"%s","user":{"username":"system:node:worker","groups":["system:nodes"]}}`, dst[from+id:from+id+36])
		return append(dst[:from], short...)
	}
	const piece = `{"apiVersion":"v1","fieldsV1":{"f:status":{"f:conditions":{"k:{\"type\":\"Ready\"}":{".":{},"f:message":"a < b"}}}}},`
	dst = append(dst[:len(dst)-1], `,"requestObject":[`...)
	for len(dst)-from < want-len("0]}") {
		dst = append(dst, piece...)
	}
	return append(dst, "0]}"...)
}

// file writes a log of about size bytes, or finds it made already.
func (s *source) file(path string, size int64, m mix) error {
	truth := path + ".truth"
	if info, err := os.Stat(path); err == nil && info.Size() >= size {
		text, err := os.ReadFile(truth)
		if err == nil {
			_, err = fmt.Sscan(string(text), &s.written, &s.want)
		}
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var buf []byte
	for done := int64(0); done < size; {
		buf = s.line(buf[:0], m)
		n, err := f.Write(buf)
		if err != nil {
			return err
		}
		done += int64(n)
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.WriteFile(truth, fmt.Appendln(nil, s.written, s.want), 0o644)
}

// chunkRows is how many rows splunkd sends at a time, at most.
const chunkRows = 50_000

// chunks writes what splunkd sends to the search command: getinfo, then n times
// the same rows, size of them, then the end.
func (s *source) chunks(path string, n, size int, m mix) error {
	rows := make([]splunkd.Row, size)
	var line []byte
	for i := range rows {
		line = s.line(line[:0], m)
		rows[i] = splunkd.Row{"_raw": {string(line[:len(line)-1])}, "_chunked_idx": {fmt.Sprint(i)}}
	}
	s.written, s.want = s.written*n, s.want*n
	body := splunkd.EncodeChunk(splunkd.Execute(false), splunkd.EncodeBody([]string{"_raw", "_chunked_idx"}, rows))
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(splunkd.EncodeChunk(splunkd.Getinfo([]string{"input=raw"}), nil)); err != nil {
		return err
	}
	for range n {
		if _, err := f.Write(body); err != nil {
			return err
		}
	}
	if _, err := f.Write(splunkd.EncodeChunk(splunkd.Execute(true), nil)); err != nil {
		return err
	}
	return f.Close()
}
