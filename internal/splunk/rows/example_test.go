package rows_test

import (
	"fmt"
	"io"
	"strings"

	"github.com/kubeanon/kubeanon/internal/splunk/rows"
)

// A value may hold commas and line breaks; several values stand in a twin column.
func ExampleReader() {
	r := rows.NewReader(0)
	r.Reset(strings.NewReader("verb,groups,__mv_verb,__mv_groups\nget,\"a\nb\",,\"$a$;$b$\"\n"))
	header, _ := r.Header()
	fmt.Println(header.Names())
	for {
		row, err := r.Next()
		if err == io.EOF {
			break
		}
		fmt.Printf("%s %q\n", row.Value(0), row.Values(1))
	}
	// Output:
	// [verb groups]
	// get ["a" "b"]
}

func ExampleWriter() {
	var w rows.Writer
	w.Reset([]rows.Column{{Name: "user"}, {Name: "groups", Multi: true}})
	w.Text("system:anonymous")
	w.Values([]string{"a", "b"})
	w.EndRow()
	for _, piece := range w.Body() {
		fmt.Printf("%s", piece)
	}
	// Output:
	// user,groups,"__mv_groups"
	// "system:anonymous","a
	// b","$a$;$b$"
}
