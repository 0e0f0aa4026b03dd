package cli

import (
	"github.com/urfave/cli/v2"

	"github.com/kubeanon/kubeanon/internal/command"
	"github.com/kubeanon/kubeanon/internal/splunk/search"
)

// searchCommand is what splunkd runs. It writes nothing to standard error in a
// normal run: splunkd logs every line of that as an error.
func searchCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:  "search",
		Usage: "the Splunk search command (splunkd runs this)",
		Description: "Speaks the chunked protocol, version 2, on standard input and output.\n" +
			"In Splunk: `kube_audit` | kubeanon\n\n" +
			"Examples:\n   kubeanon search <requests.bin      # what splunkd would send",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "local", Usage: "run on the search head only (for packages that bring no binary to the indexers)"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return usageError("search takes no arguments here: splunkd sends the options of a search in its first request")
			}
			growPipe(std.In)
			return search.Run(std.In, std.Out, &command.Command{Local: c.Bool("local")})
		},
	}
}
