package allowlist_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/detect/allowlist"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// An entry holds to the end of its last day.
func ExampleList_Match() {
	list, err := allowlist.Load(strings.NewReader(strings.Join(allowlist.Columns, ",") + "\n" +
		"load-balancer,10.0.0.0/8,*,*,get,*,*,*,*,health checks,platform team,2026-12-31,0\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	f := detect.Finding{Event: &audit.Event{Verb: "get", RequestURI: "/livez"}, Verdict: judge.Verdict{SrcIPs: []string{"10.1.2.3"}, Outcome: judge.Allowed}}
	for _, day := range []string{"2026-12-31", "2027-01-01"} {
		at, _ := time.Parse(time.DateOnly, day)
		e := list.Match(&f, at)
		fmt.Println(day, e != nil)
	}
	// Output:
	// 2026-12-31 true
	// 2027-01-01 false
}
