package detect_test

import (
	"fmt"
	"strings"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// Every face of the binary writes rows in this way.
func ExampleField() {
	ev := audit.Event{Verb: "get", RequestURI: "/version", User: audit.User{Username: audit.Anonymous, Groups: []string{audit.Unauthenticated}}}
	policy := judge.DefaultPolicy()
	f := detect.Finding{Event: &ev, Verdict: policy.Judge(&ev), Format: "audit"}
	for i := range detect.Fields {
		field := &detect.Fields[i]
		var value string
		if field.Kind == detect.List {
			value = strings.Join(field.List(&f), " ")
		} else {
			value = field.Text(&f)
		}
		if field.Original && value != "" {
			fmt.Println(field.Name, value)
		}
	}
	// Output:
	// requestURI /version
	// user.groups{} system:unauthenticated
	// user system:anonymous
	// verb get
}
