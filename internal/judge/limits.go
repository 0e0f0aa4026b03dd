package judge

const (
	// maxWord bounds each foreign word in a message, in bytes: an analyst reads
	// it in one line, and an attacker may have written 17 kB of it.
	maxWord = 120
	// maxName bounds the name of an object in a command, in bytes. Names of most
	// kinds have at most 253; those of bindings have no bound but that of a URL.
	maxName = 4096
	// maxOperations bounds the operations of a JSON patch and the indexes in it.
	// The API server refuses longer ones (maxJSONPatchOperations in
	// k8s.io/apiserver pkg/endpoints/handlers/patch.go).
	maxOperations = 10_000
	// maxCopied bounds the nodes that the copy operations of one JSON patch
	// make: each may double the document.
	maxCopied = 100_000
)
