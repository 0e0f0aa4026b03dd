package cli

import (
	"context"
	"fmt"
	"os"

	"github.com/kubeanon/kubeanon/internal/collect"
	"github.com/kubeanon/kubeanon/internal/splunk/modinput"
)

// isInput reports whether splunkd calls the binary as a modular input: by one
// of its two flags, or without any argument and with a pipe or a file to read. A
// terminal and /dev/null are a person's.
func isInput(args []string, stdin *os.File) bool {
	if len(args) == 1 {
		info, err := stdin.Stat()
		return err == nil && info.Mode()&os.ModeCharDevice == 0
	}
	return len(args) == 2 && (args[1] == "--scheme" || args[1] == "--validate-arguments")
}

// runInput answers one call of splunkd. What it returns has been told to
// splunkd already.
func runInput(ctx context.Context, args []string, std stdio) error {
	if len(args) == 2 && args[1] == "--scheme" {
		return collect.Scheme.Write(std.Out)
	}
	log := modinput.NewLog(std.Err)
	in, err := modinput.Read(std.In)
	if len(args) == 2 {
		if err == nil && len(in.Stanzas) != 1 {
			err = fmt.Errorf("%d items were given, but must be one", len(in.Stanzas))
		}
		if err == nil {
			err = collect.Validate(ctx, in)
		}
		if err != nil {
			_ = modinput.WriteError(std.Out, err.Error()) // the status says the same
			return toldError{err}
		}
		return nil
	}
	if err == nil {
		ctx, stop := interruptible(ctx)
		defer stop()
		err = collect.Run(ctx, in, std.Out, log)
	}
	if err != nil {
		log.Error("%v", err)
		return toldError{err}
	}
	return nil
}
