package judge

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTuning: docs/tuning.md lists every modifier as it stands in risk_factors,
// and where each band begins.
func TestTuning(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "tuning.md"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{}
	for i := range modifiers {
		want = append(want, fmt.Sprintf("\n| `%s` | ", modifiers[i].text))
	}
	for score := range 101 {
		if score == 0 || severityOf(score) != severityOf(score-1) {
			want = append(want, fmt.Sprintf("`%s` from %d", severityOf(score), score))
		}
	}
	for _, w := range want {
		if !strings.Contains(strings.ReplaceAll(string(text), ",\n", ", "), w) {
			t.Errorf("docs/tuning.md does not have %q", w)
		}
	}
}
