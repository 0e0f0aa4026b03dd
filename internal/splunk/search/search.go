// Package search holds the conversation between splunkd and a search command:
// one getinfo request, then execute requests until splunkd has no more rows,
// and exactly one reply to each.
//
// # Errors
//
// An option is refused in the reply to getinfo, by the key "error": an ERROR
// message there is thrown away by splunkd 9.4. Later, a search that cannot go
// on must FAIL and keep the message: that takes a reply with an ERROR message
// and finished false, and an exit status that is not zero. With finished true
// the job would count as done; without a reply the user would read only that
// the command "exited unexpectedly".
//
// # Selected fields
//
// If the reply to getinfo names required fields, splunkd sends only these and
// _chunked_idx, by which it finds the rest of the row again. For this package
// that is a column like any other; a command passes it through unchanged.
package search

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/kubeanon/kubeanon/internal/splunk/chunk"
	"github.com/kubeanon/kubeanon/internal/splunk/rows"
)

// Level is how grave a message is, in splunkd's words.
type Level string

// The levels.
const (
	Debug Level = "DEBUG"
	Note  Level = "INFO"
	Warn  Level = "WARN"
	Error Level = "ERROR"
	Fatal Level = "FATAL"
)

// Message is shown to the user of the search.
type Message struct {
	Level Level
	Text  string
}

// Command is what Run runs.
type Command interface {
	// Getinfo takes the options of the search and says what the command is.
	// An error refuses the search; its text is shown to the user.
	Getinfo(Getinfo) (Info, error)
	// Execute answers one request: it reads rows of in to the end and writes
	// rows to out, which it has to Reset first. finished is true for the last
	// request. The messages go out with the reply. An error fails the search;
	// its text is shown to the user.
	Execute(in *rows.Reader, out *rows.Writer, finished bool) ([]Message, error)
}

// RefusedError is the error of Run for a search that the command refused. splunkd
// has been told.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// Run holds the conversation on stdin and stdout until splunkd ends it, which
// it may do at any boundary between requests: it starts commands more often
// than it executes them. Whenever Run returns an error, splunkd has been told
// as far as it still listened, and the process should exit with a status that
// is not zero.
func Run(stdin io.Reader, stdout io.Writer, cmd Command) error {
	c := conversation{
		in: chunk.NewReader(stdin), out: chunk.NewWriter(stdout), cmd: cmd,
		rows: rows.NewReader(0), said: map[Message]bool{},
	}
	err := c.run()
	var refused *RefusedError
	if err == nil || errors.As(err, &refused) {
		return err
	}
	// If this cannot be written either, the first error says why.
	_ = c.reply(executeReply{}, []Message{{Error, userText(err)}}, nil)
	return err
}

// conversation is the state of one Run.
type conversation struct {
	in   *chunk.Reader
	out  *chunk.Writer
	cmd  Command
	rows *rows.Reader
	body rows.Writer
	said map[Message]bool
}

func (c *conversation) run() error {
	if err := c.getinfo(); err != nil {
		if err == io.EOF {
			return nil
		}
		return err
	}
	for {
		err := c.execute()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// request reads the next request, which must be of one kind. io.EOF is the end
// before it.
func (c *conversation) request(action string) (chunk.Chunk, request, error) {
	frame, err := c.in.Next()
	if err != nil {
		return frame, request{}, err
	}
	req, err := parseRequest(frame.Metadata)
	if err == nil && req.Action != action {
		err = fmt.Errorf("the request is %q where %q is expected", req.Action, action)
	}
	return frame, req, err
}

// getinfo answers the first request. io.EOF is the end before it.
func (c *conversation) getinfo() error {
	frame, req, err := c.request("getinfo")
	if err != nil {
		return err
	}
	if frame.BodyLen > 0 {
		return errors.New("the getinfo request has a body")
	}
	info, err := c.cmd.Getinfo(Getinfo{Preview: req.Preview, Searchinfo: req.Searchinfo})
	reply := infoReply{Type: info.Type, RequiredFields: info.RequiredFields}
	if err != nil {
		reply = infoReply{Type: "streaming", Error: userText(err), Finished: true}
	}
	metadata, merr := json.Marshal(reply)
	if merr != nil {
		return merr
	}
	if werr := c.out.Write(metadata); werr != nil {
		return werr
	}
	if err != nil {
		return &RefusedError{err}
	}
	return nil
}

// execute answers one request. io.EOF is the end before it.
func (c *conversation) execute() error {
	frame, req, err := c.request("execute")
	if err != nil {
		return err
	}
	c.rows.Reset(frame.Body)
	c.body.Reset(nil)
	messages, err := c.call(req.Finished)
	if err != nil {
		return err
	}
	// splunkd may still be writing: a reply before the end of the request
	// could block both. And rows of a request that is cut short do not count.
	if _, err := io.Copy(io.Discard, frame.Body); err != nil {
		return err
	}
	return c.reply(executeReply{Finished: req.Finished}, messages, c.body.Body())
}

// call runs the command; a panic in it is an error like any other.
func (c *conversation) call(finished bool) (messages []Message, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{value: p, stack: debug.Stack()}
		}
	}()
	return c.cmd.Execute(c.rows, &c.body, finished)
}

// reply writes a reply with those messages that were not said before: splunkd
// drops repetitions and complains about them.
func (c *conversation) reply(reply executeReply, messages []Message, body [][]byte) error {
	for _, m := range messages {
		if c.said[m] {
			continue
		}
		c.said[m] = true
		if reply.Inspector == nil {
			reply.Inspector = &inspector{}
		}
		reply.Inspector.Messages = append(reply.Inspector.Messages, [2]string{string(m.Level), m.Text})
	}
	metadata, err := json.Marshal(reply)
	if err != nil {
		return err
	}
	return c.out.Write(metadata, body...)
}

// panicError is a bug in the command. Its text is one line; the stack is for
// standard error.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("internal error: %v", e.value) }

// Stack is where the panic came from.
func (e *panicError) Stack() string { return string(e.stack) }

// userText is an error in the words of somebody who runs a search.
func userText(err error) string {
	var frame *chunk.Error
	switch {
	case errors.As(err, &frame) && errors.Is(err, io.ErrUnexpectedEOF):
		return "kubeanon: splunkd's request ended early, no rows of it were used: " + frame.Error()
	case errors.As(err, &frame):
		return "kubeanon: splunkd's request could not be read: " + frame.Error()
	}
	return "kubeanon: " + strings.TrimPrefix(err.Error(), "kubeanon: ")
}
