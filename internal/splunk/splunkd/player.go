package splunkd

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/kubeanon/kubeanon/internal/splunk/search"
)

// Reply is the reply to getinfo.
type Reply struct {
	Type           string
	RequiredFields []string
	Error          string // why the search was refused
	Finished       bool
}

// Player talks to one command. It sends a request and reads the reply before
// it sends the next, as splunkd does.
type Player struct {
	in       io.WriteCloser
	out      *bufio.Reader
	selected []string // the only fields to send, besides _chunked_idx
}

// New returns a Player that writes to the command's standard input and reads
// its standard output.
func New(toCommand io.WriteCloser, fromCommand io.Reader) *Player {
	return &Player{in: toCommand, out: bufio.NewReader(fromCommand)}
}

// Getinfo sends the options of the search. A refusal is no error but in the
// reply.
func (p *Player) Getinfo(args []string) (Reply, error) {
	text, body, err := p.Exchange(EncodeChunk(Getinfo(args), nil))
	if err != nil {
		return Reply{}, err
	}
	m, _, err := checkMetadata(text, true)
	if err != nil {
		return Reply{}, err
	}
	if len(body) > 0 {
		return Reply{}, violation("the reply to getinfo has a body")
	}
	p.selected = m.RequiredFields
	return Reply{Type: *m.Type, RequiredFields: m.RequiredFields, Error: m.Error, Finished: m.Finished != nil && *m.Finished}, nil
}

// Execute sends rows and returns those that come back, and the messages. If
// the command named required fields, only these are sent, and what was kept is
// put back by _chunked_idx.
func (p *Player) Execute(columns []string, rows []Row, finished bool) ([]Row, []search.Message, error) {
	send := rows
	if p.selected != nil {
		columns = append(slices.Clone(p.selected), idx)
		send = nil
		for i, row := range rows {
			part := Row{idx: {strconv.Itoa(i)}}
			for _, field := range p.selected {
				part[field] = row[field]
			}
			send = append(send, part)
		}
	}
	back, messages, err := p.ExecuteBody(EncodeBody(columns, send), finished)
	if err != nil || p.selected == nil {
		return back, messages, err
	}
	for _, row := range back {
		if len(row[idx]) != 1 {
			return nil, nil, violation("a row comes back without %s", idx)
		}
		i, err := strconv.Atoi(row[idx][0])
		if err != nil || i < 0 || i >= len(rows) {
			return nil, nil, violation("%s is %q of %d rows", idx, row[idx][0], len(rows))
		}
		delete(row, idx)
		for name, values := range rows[i] {
			if _, ok := row[name]; !ok && !slices.Contains(p.selected, name) {
				row[name] = values
			}
		}
	}
	return back, messages, nil
}

const idx = "_chunked_idx"

// ExecuteBody sends a body as it is.
func (p *Player) ExecuteBody(body []byte, finished bool) ([]Row, []search.Message, error) {
	text, reply, err := p.Exchange(EncodeChunk(Execute(finished), body))
	if err != nil {
		return nil, nil, err
	}
	m, messages, err := checkMetadata(text, false)
	if err != nil {
		return nil, nil, err
	}
	rows, err := checkBody(reply)
	if err != nil {
		return nil, nil, err
	}
	if *m.Finished != finished {
		for _, message := range messages {
			if message.Level == search.Error {
				return rows, messages, fmt.Errorf("the search failed: %s", message.Text)
			}
		}
		return nil, nil, violation("finished %v was answered with %v", finished, *m.Finished)
	}
	return rows, messages, nil
}

// Exchange sends bytes, if there are any, and reads one frame.
func (p *Player) Exchange(request []byte) (metadata, body []byte, err error) {
	sent := make(chan error, 1)
	go func() {
		var err error
		if len(request) > 0 {
			_, err = p.in.Write(request)
		}
		sent <- err
	}()
	line, err := p.out.ReadString('\n')
	if err != nil {
		return nil, nil, fmt.Errorf("no reply: %w", errors.Join(err, <-sent))
	}
	var metaLen, bodyLen int
	if _, err := fmt.Sscanf(line, "chunked 1.0,%d,%d\n", &metaLen, &bodyLen); err != nil || line != fmt.Sprintf("chunked 1.0,%d,%d\n", metaLen, bodyLen) {
		return nil, nil, violation("header %q", line)
	}
	metadata, body = make([]byte, metaLen), make([]byte, bodyLen)
	for _, part := range [][]byte{metadata, body} {
		if _, err := io.ReadFull(p.out, part); err != nil {
			return nil, nil, violation("a reply ends early: %v", err)
		}
	}
	return metadata, body, <-sent
}

// Close ends the search and checks that the command has nothing more to say.
func (p *Player) Close() error {
	if err := p.in.Close(); err != nil {
		return err
	}
	rest, err := io.ReadAll(p.out)
	if len(rest) > 0 {
		return violation("%d bytes behind the last reply: %.80q", len(rest), rest)
	}
	return err
}
