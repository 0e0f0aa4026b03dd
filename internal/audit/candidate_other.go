//go:build !amd64 || purego

package audit

func candidate(text []byte) bool { return plainCandidate(text) }
