package cli

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/kubeanon/kubeanon/internal/demo"
)

// demoWidth is the width of the tables where there is no terminal.
const demoWidth = 200

func demoCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:  "demo",
		Usage: "show the search command at work, without Splunk",
		Description: "Plays splunkd to `kubeanon search` with bundled real audit events, and prints the rows that come back.\n\n" +
			"Examples:\n   kubeanon demo",
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return usageError("demo takes no arguments")
			}
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("demo: %w", err)
			}
			width := demoWidth
			if terminal(std.Out) {
				if w, _, err := term.GetSize(int(std.Out.Fd())); err == nil {
					width = w
				}
			}
			if err := demo.Run(c.Context, std.Out, self, os.Args[0], width); err != nil {
				return fmt.Errorf("demo: %w", err)
			}
			return nil
		},
	}
}
