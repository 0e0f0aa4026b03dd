package detect_test

import (
	"os"
	"strings"
	"testing"

	"github.com/kubeanon/kubeanon/internal/detect"
)

// TestFields: no name stands twice, 13 are those of the original search, and
// README.md names each.
func TestFields(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## Fields\n")
	table, _, _ = strings.Cut(table, "\n## ")
	seen, original := map[string]bool{}, 0
	for _, f := range detect.Fields {
		if seen[f.Name] {
			t.Errorf("the field %s stands twice", f.Name)
		}
		seen[f.Name] = true
		if f.Original {
			original++
		}
		if !strings.Contains(table, "`"+f.Name+"`") {
			t.Errorf("README.md does not name the field %s", f.Name)
		}
	}
	if original != 13 {
		t.Errorf("%d original fields", original)
	}
}
