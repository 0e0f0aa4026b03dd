package cli

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/kubeanon/kubeanon/internal/options"
)

// searchFlags are the options of the search command as flags.
func searchFlags() (flags []cli.Flag) {
	for _, o := range options.Table {
		name := flagName(o)
		usage := "`" + strings.Trim(o.Value, "<>") + "`: " + o.Usage
		if o.List {
			flags = append(flags, &cli.StringSliceFlag{Name: name, Usage: usage})
		} else {
			flags = append(flags, &cli.StringFlag{Name: name, Usage: usage})
		}
	}
	return under(flagsJudge, flags...)
}

func flagName(o options.Option) string { return strings.ReplaceAll(o.Name, "_", "-") }

// searchOptions reads them back. Fill is empty unless it was given: outside of
// Splunk's tables an absent field is better left out.
func searchOptions(c *cli.Context) (options.Options, error) {
	opts := options.Default()
	opts.Fill = ""
	for _, o := range options.Table {
		name := flagName(o)
		if !c.IsSet(name) {
			continue
		}
		values := []string{c.String(name)}
		if o.List {
			values = c.StringSlice(name)
		}
		for _, v := range values {
			if err := opts.Set(o.Name, v); err != nil {
				return opts, err
			}
		}
	}
	if opts.Input == options.Columns {
		return opts, &options.Error{Option: "input", Value: "columns", Allowed: "auto, raw (columns exist only in Splunk)"}
	}
	return opts, opts.Check()
}
