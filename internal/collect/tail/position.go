package tail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"maps"
	"slices"
	"time"
)

// State is how far each file was read: the checkpoint of a Tail.
type State struct {
	Positions map[string]*Position `json:"positions"` // by the fingerprint of the file
}

// Position is a place in a file, wherever it lies and whether or not it is
// packed.
type Position struct {
	Offset int64 `json:"offset"`         // of the next line, in unpacked bytes
	Skip   bool  `json:"skip,omitempty"` // the rest of a line that was too long is still to come
	Seen   int64 `json:"seen"`           // when the file was last there, in Unix seconds
}

// fingerprint knows a file again by its first line, which holds an audit ID and
// so is its own; empty if there is not yet a whole one. A name says nothing
// after a rotation, and an inode nothing after gzip or a truncation.
func fingerprint(head []byte) string {
	if n := bytes.IndexByte(head, '\n'); n >= 0 {
		head = head[:n]
	} else if len(head) < headSize {
		return ""
	}
	sum := sha256.Sum256(head)
	return hex.EncodeToString(sum[:16])
}

// headOf reads the beginning of a file.
func headOf(r io.ReaderAt) ([]byte, error) {
	head := make([]byte, headSize)
	n, err := r.ReadAt(head, 0)
	if err == io.EOF {
		err = nil
	}
	return head[:n], err
}

// at returns the position of a file, which is new if it was never seen.
func (s *State) at(id string, now time.Time) *Position {
	if s.Positions == nil {
		s.Positions = map[string]*Position{}
	}
	p := s.Positions[id]
	if p == nil {
		p = &Position{}
		s.Positions[id] = p
	}
	p.Seen = now.Unix()
	return p
}

// prune forgets files that are long gone.
func (s *State) prune(now time.Time) {
	maps.DeleteFunc(s.Positions, func(_ string, p *Position) bool { return now.Sub(time.Unix(p.Seen, 0)) > maxAge })
	if len(s.Positions) <= maxPositions {
		return
	}
	ids := slices.SortedFunc(maps.Keys(s.Positions), func(a, b string) int { return int(s.Positions[b].Seen - s.Positions[a].Seen) })
	for _, id := range ids[maxPositions:] {
		delete(s.Positions, id)
	}
}
