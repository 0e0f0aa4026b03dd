package annotate_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kubeanon/kubeanon/internal/annotate"
	"github.com/kubeanon/kubeanon/internal/finding"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// FuzzSkip holds the quick look against the whole way: a text that is passed
// over unparsed would have given no finding.
func FuzzSkip(f *testing.F) {
	for _, c := range cases(f) {
		f.Add(c.text(f))
	}
	files, err := filepath.Glob("../audit/envelope/testdata/*/*.[jt]*")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		f.Add(text[:len(text)/2])
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		a := annotate.Annotator{Policy: judge.DefaultPolicy()}
		if len(text) > 1<<16 || !a.Skip(text, false) {
			return
		}
		_, reason := a.Text(text, func(f *finding.Finding) {
			t.Fatalf("passed over, but it is a finding: %+v", f.Event)
		})
		if reason != annotate.Decided {
			t.Fatalf("passed over, but undecidable: %s", reason)
		}
	})
}
