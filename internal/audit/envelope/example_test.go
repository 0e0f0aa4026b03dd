package envelope_test

import (
	"fmt"

	"github.com/kubeanon/kubeanon/internal/audit/envelope"
)

// An event of an audit log that a container wrote, that Docker kept and that an
// HTTP Event Collector took.
func ExampleUnwrapper() {
	text := `{"event":{"log":"{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"user\":{\"username\":\"system:anonymous\"}}\n"},` +
		`"fields":{"k8s.cluster.name":"prod"}}`
	var u envelope.Unwrapper
	err := u.Unwrap([]byte(text), func(found envelope.Found) {
		fmt.Println(found.Format, found.Cluster, found.Event.User.Username)
	})
	fmt.Println(err)
	// Output:
	// hec>docker prod system:anonymous
	// <nil>
}
