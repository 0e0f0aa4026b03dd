//go:build !linux

package modinput

import "os"

// drained does not know what stands in a pipe.
func drained(*os.File) error { return nil }
