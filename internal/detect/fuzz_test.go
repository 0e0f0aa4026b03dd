package detect_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/detect/cases"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// FuzzSkip holds the quick look against the whole way: a text that is passed
// over unparsed would have given no finding.
func FuzzSkip(f *testing.F) {
	all, err := cases.Load(cases.Builtin())
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range all {
		f.Add(c.Text)
	}
	examples, err := filepath.Glob("../audit/envelope/testdata/*/*.[jt]*")
	if err != nil || len(examples) == 0 {
		f.Fatal(examples, err)
	}
	for _, file := range examples {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
		f.Add(text[:len(text)/2])
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d := detect.New(judge.DefaultPolicy(), false)
		if len(text) > 1<<16 || !d.CanSkip(text, false) {
			return
		}
		_, reason := d.Text(text, func(f *detect.Finding) {
			t.Fatalf("passed over, but it is a finding: %+v", f.Event)
		})
		if reason != detect.Decided {
			t.Fatalf("passed over, but undecidable: %s", reason)
		}
	})
}
