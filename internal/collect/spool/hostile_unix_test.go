//go:build unix

package spool_test

import "golang.org/x/sys/unix"

func init() {
	planted["FIFO"] = func(path, _ string) error { return unix.Mkfifo(path, 0o600) }
}
