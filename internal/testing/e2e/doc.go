// Package e2e runs a real kube-apiserver on loopback, with its audit log and its
// audit webhook pointing at kubeanon, sends it anonymous traffic of every kind,
// and holds what kubeanon finds against the ledger of what was sent.
//
//	./build.sh e2e            # every version in server/
//	./build.sh e2e v1.37
//
// It is a module of its own; the API servers and their store are others, in
// server/: they are built from the Go module proxy and need nothing else.
package e2e
