package ledger_test

import (
	"fmt"

	"github.com/kubeanon/kubeanon/internal/testing/ledger"
)

// One event was found, one was missed, and one was not expected.
func ExampleCompare() {
	hit := ledger.Hit{Stage: "ResponseComplete", Class: "anonymous", Outcome: "denied", Category: "anon_denied_discovery"}
	d := ledger.Compare(
		[]ledger.Request{{AuditID: "a", Hits: []ledger.Hit{hit}}, {AuditID: "b", Hits: []ledger.Hit{hit}}},
		[]ledger.Found{
			{AuditID: "a", Stage: hit.Stage, Class: hit.Class, Outcome: hit.Outcome, Category: hit.Category},
			{AuditID: "c", Stage: hit.Stage, Class: hit.Class, Outcome: hit.Outcome, Category: hit.Category},
		},
	)
	fmt.Println(d.String(), d.Exact())
	// Output:
	// 2 requests, 2 events expected, 2 found: missed 1, extra 1, judged otherwise 0 false
}
