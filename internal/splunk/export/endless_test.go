package export

import (
	"fmt"
	"io"
	"strings"
	"testing"
)

// endless is a stream without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, strings.Repeat("a", len(p))), nil }

// TestEndless: a row without an end ends the search, not the memory; any number
// of rows that end does not.
func TestEndless(t *testing.T) {
	const most = 10_000
	row := `{"result":{"_raw":"` + strings.Repeat("a", most/2) + `"}}` + "\n"
	for _, c := range []struct {
		stream io.Reader
		rows   int
		err    string
	}{
		{strings.NewReader(strings.Repeat(row, 100) + `{"lastrow":true}`), 100, "<nil>"},
		{io.MultiReader(strings.NewReader(row+`{"result":{"_raw":"`), endless{}), 1, "reading results: a row that does not end"},
	} {
		rows := 0
		err := read(c.stream, most, func(Row) error { rows++; return nil })
		if fmt.Sprint(err) != c.err || rows != c.rows {
			t.Errorf("%d rows, %v", rows, err)
		}
	}
}
