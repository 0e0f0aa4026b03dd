package audit_test

import (
	"fmt"

	"github.com/kubeanon/kubeanon/internal/audit"
)

// What the text holds twice, and a text that was cut, are told from the rest.
func ExampleDecoder() {
	var d audit.Decoder
	for _, text := range []string{
		`{"kind":"Event","apiVersion":"audit.k8s.io/v1","verb":"list","user":{"username":"system:anonymous"}}`,
		`{"kind":"Event","apiVersion":"audit.k8s.io/v1","user":{"username":"system:anonymous"},"user":{"username":"admin"}}`,
		`{"kind":"Event","apiVersion":"audit.k8s.io/v1","user":{"username":"system:anonymous"},"verb":"li`,
		`{"kind":"Event","apiVersion":"audit.k8s.io/v1","requestURI":"/api/v1/po`,
		`{"kind":"Pod"}`,
	} {
		ev, err := d.Decode([]byte(text))
		if err != nil {
			fmt.Println("error:", err)
			continue
		}
		fmt.Printf("%s %q tampered=%t partial=%t\n", ev.User.Username, ev.Verb, ev.Tampered, ev.Partial)
	}
	// Output:
	// system:anonymous "list" tampered=false partial=false
	// system:anonymous "" tampered=true partial=false
	// system:anonymous "" tampered=false partial=true
	// error: cut before the identity
	// error: no audit event
}

// Most texts need no parse: they name nobody anonymous, and they are whole.
func ExampleDull() {
	fmt.Println(audit.Dull([]byte(`{"user":{"username":"alice"}}`), false))
	fmt.Println(audit.Dull([]byte(`{"user":{"username":"\u0073ystem:anonymous"}}`), false))
	fmt.Println(audit.Dull([]byte(`{"requestURI":"/api/v1/po`), false))
	// Output:
	// true
	// false
	// false
}
