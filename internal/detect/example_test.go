package detect_test

import (
	"fmt"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// The way of every text: passed over, judged, or undecidable for a reason.
func ExampleDetector() {
	d := detect.New(judge.DefaultPolicy(), false)
	for _, text := range []string{
		`{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"get","user":{"username":"alice"}}`,
		`{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"get","requestURI":"/livez","user":{"username":"system:anonymous"},"responseStatus":{"code":200}}`,
		`{"kind":"Event","apiVersion":"audit.k8s.io/v1","requestURI":"/api/v1/po`,
	} {
		if d.CanSkip([]byte(text), false) {
			fmt.Println("passed over")
			continue
		}
		events, reason := d.Text([]byte(text), func(f *detect.Finding) { fmt.Println(f.Verdict.Category.Name) })
		fmt.Printf("%d events, %q\n", events, reason)
	}
	// Output:
	// passed over
	// health_probe
	// 1 events, ""
	// 0 events, "cut before the identity"
}
