package cli_test

import (
	"os/exec"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeanon/kubeanon/internal/demo"
	"github.com/kubeanon/kubeanon/internal/splunk/splunkd"
	"github.com/kubeanon/kubeanon/internal/testing/corpus"
)

// TestEightProcesses: eight processes of the program at once, as on eight
// indexers, give the table that one gives. What a search is when it is
// distributed stands in internal/command TestDistributed; this is the program.
func TestEightProcesses(t *testing.T) {
	program, err := exec.LookPath("kubeanon")
	if err != nil {
		t.Fatal(err)
	}
	var rows []splunkd.Row
	for i, e := range corpus.Events(t) {
		if i%6 == 0 {
			rows = append(rows, splunkd.Row{"_raw": {e.Raw}})
		}
	}
	search := func(rows []splunkd.Row, chunk int) ([]splunkd.Row, error) {
		return splunkd.Search(t.Context(), program, program, demo.SeedOptions, []string{"_raw"}, rows, chunk)
	}
	one, err := search(rows, len(rows))
	if err != nil {
		t.Fatal(err)
	}
	parts, errs := make([][]splunkd.Row, 8), make([]error, 8)
	var running sync.WaitGroup
	i := 0
	for part := range slices.Chunk(rows, (len(rows)+7)/8) {
		number := i
		running.Go(func() { parts[number], errs[number] = search(part, 20) })
		i++
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := demo.Stats(one)
	if diff := cmp.Diff(want, demo.Stats(slices.Concat(parts...))); diff != "" || len(want) < 100 {
		t.Errorf("%d rows in the table of one process (-one +eight)\n%s", len(want), diff)
	}
}
