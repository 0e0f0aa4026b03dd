package search_test

import (
	"fmt"
	"io"
	"strings"

	"github.com/kubeanon/kubeanon/internal/splunk/rows"
	"github.com/kubeanon/kubeanon/internal/splunk/search"
	"github.com/kubeanon/kubeanon/internal/splunk/splunkd"
)

// shout is a whole search command: it writes the column word in capitals.
type shout struct{}

func (shout) Getinfo(search.Getinfo) (search.Info, error) {
	return search.Info{Type: "streaming", RequiredFields: []string{"word"}}, nil
}

func (shout) Execute(in *rows.Reader, out *rows.Writer, _ bool) ([]search.Message, error) {
	header, err := in.Header()
	if err != nil {
		return nil, err
	}
	word, idx := header.Index("word"), header.Index("_chunked_idx")
	out.Reset([]rows.Column{{Name: "word"}, {Name: "_chunked_idx"}})
	for {
		row, err := in.Next()
		if err == io.EOF {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		out.Text(strings.ToUpper(string(row.Value(word))))
		out.Raw(row.Cell(idx), nil) // splunkd finds the rest of the row by it
		out.EndRow()
	}
}

// A command talks to splunkd, which package splunkd plays.
func ExampleRun() {
	commandIn, toCommand := io.Pipe()
	fromCommand, commandOut := io.Pipe()
	go func() {
		_ = commandOut.CloseWithError(search.Run(commandIn, commandOut, shout{}))
	}()
	splunk := splunkd.New(toCommand, fromCommand)
	if _, err := splunk.Getinfo(nil); err != nil {
		fmt.Println(err)
	}
	found, _, err := splunk.Execute([]string{"word", "host"}, []splunkd.Row{{"word": {"quiet"}, "host": {"a"}}}, false)
	fmt.Println(found, err)
	_, _, err = splunk.Execute([]string{"word", "host"}, nil, true)
	fmt.Println(err, splunk.Close())
	// Output:
	// [map[host:[a] word:[QUIET]]] <nil>
	// <nil> <nil>
}
