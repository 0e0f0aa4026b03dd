package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/kubeanon/kubeanon/internal/annotate"
	"github.com/kubeanon/kubeanon/internal/finding"
	"github.com/kubeanon/kubeanon/internal/options"
	"github.com/kubeanon/kubeanon/internal/report"
	"github.com/kubeanon/kubeanon/internal/scan"
)

func scanCommand(stdin, stdout, stderr *os.File) *cli.Command {
	return &cli.Command{
		Name:      "scan",
		Usage:     "find anonymous requests in log files",
		ArgsUsage: "PATH...",
		Description: "PATH is a file, a folder or - for standard input; gzip and zstd are unpacked.\n" +
			"Exit status: 0 nothing found, 1 found, 2 usage, 3 some input could not be read.\n\n" +
			"Examples:\n" +
			"   kubeanon scan /var/log/kubernetes/audit.log\n" +
			"   kubeanon scan --format ndjson --output hits.ndjson exported-logs/\n" +
			"   kubectl exec ... cat audit.log | kubeanon scan --stats -\n" +
			"   kubeanon scan --match strict --risk flat --src-ip all audit.log   # as the original search",
		Flags: append(searchFlags(),
			&cli.StringFlag{Name: "format", Value: "table", Usage: strings.Join(report.Formats(), ", ")},
			&cli.StringFlag{Name: "output", Usage: "write to `FILE` instead of standard output"},
			&cli.StringFlag{Name: "allowlist", Usage: "leave out what `FILE` names, in the form of the app's lookup kubeanon_allowlist.csv"},
			&cli.BoolFlag{Name: "explain-suppressed", Usage: "say at the end which entry of the allowlist left out how much"},
			&cli.IntFlag{Name: "jobs", Usage: "judge `N` blocks at a time (default: one for each processor)"},
			&cli.BoolFlag{Name: "stats", Usage: "print one JSON object with counts on standard error at the end"},
			&cli.BoolFlag{Name: "no-progress", Usage: "no progress bar; there is none without a terminal anyway"},
		),
		Action: func(c *cli.Context) error { return runScan(c, stdin, stdout, stderr) },
	}
}

// searchFlags are the options of the search command as flags.
func searchFlags() (flags []cli.Flag) {
	for _, o := range options.Table {
		name := flagName(o)
		usage := strings.Trim(o.Value, "<>") + ": " + o.Usage
		if o.List {
			flags = append(flags, &cli.StringSliceFlag{Name: name, Usage: usage})
		} else {
			flags = append(flags, &cli.StringFlag{Name: name, Usage: usage})
		}
	}
	return flags
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

func runScan(c *cli.Context, stdin, stdout, stderr *os.File) (err error) {
	opts, err := searchOptions(c)
	if err != nil {
		return err
	}
	paths := c.Args().Slice()
	if len(paths) == 0 {
		return usageError("kubeanon: scan what? Name files or folders, or - for standard input (see kubeanon scan --help)")
	}
	if !report.Known(c.String("format")) {
		_, err := report.New(c.String("format"), nil, report.Options{})
		return usageError(err.Error())
	}
	allow, err := openAllowlist(c)
	if err != nil {
		return err
	}
	out := stdout
	if name := c.String("output"); name != "" {
		if out, err = os.Create(name); err != nil {
			return usageError(fmt.Sprintf("kubeanon: --output: %v", err))
		}
		defer func() {
			if cerr := out.Close(); cerr != nil && err == nil {
				err = fmt.Errorf("kubeanon: --output: %w", cerr)
			}
		}()
	}
	buffered := bufio.NewWriterSize(out, 1<<16)
	ropts := report.Options{Fill: opts.Fill}
	if terminal(out) {
		ropts.Width, _, _ = term.GetSize(int(out.Fd()))
		ropts.Color = os.Getenv("NO_COLOR") == ""
	}
	writer, err := report.New(c.String("format"), buffered, ropts)
	if err != nil {
		return err
	}
	var progress *bar
	if terminal(stderr) && !c.Bool("no-progress") {
		progress = newBar(stderr, scan.Size(paths))
	}
	var writeErr error
	s := scan.Scanner{
		Annotator: annotate.Annotator{Policy: opts.Policy, All: opts.All},
		Jobs:      c.Int("jobs"),
		Stdin:     stdin,
		Progress:  progress.update(),
		Emit: func(f *finding.Finding) {
			if writeErr == nil {
				writeErr = writer.Write(f)
			}
		},
		Warn: func(line string) { fmt.Fprintln(stderr, "kubeanon:", line) },
	}
	if allow != nil {
		s.Suppress = allow.suppress
	}
	if rows, ok := writer.(report.RowWriter); ok {
		s.Render = rows.Append
		s.Rows = func(made []byte) {
			if writeErr == nil {
				writeErr = rows.WriteRows(made)
			}
		}
	}
	ctx, stop := interruptible(c.Context)
	defer stop()
	context.AfterFunc(ctx, func() { stdin.Close() }) // a read of it must not wait any longer
	scanErr := s.Run(ctx, paths)
	progress.stop()
	if writeErr == nil {
		writeErr = writer.Close()
	}
	if writeErr == nil {
		writeErr = buffered.Flush()
	}
	for _, reason := range annotate.Reasons() {
		if n := s.Reasons[reason]; n > 0 {
			fmt.Fprintf(stderr, "kubeanon: %d undecidable: %s\n", n, reason)
		}
	}
	allow.report(stderr, c.Bool("explain-suppressed"))
	if c.Bool("stats") {
		if err := printStats(stderr, s.Stats); err != nil {
			return err
		}
	}
	switch {
	case writeErr != nil:
		return fmt.Errorf("kubeanon: write: %w", writeErr)
	case scanErr != nil:
		return unreadableError{fmt.Errorf("kubeanon: %s", strings.ReplaceAll(scanErr.Error(), "\n", "\nkubeanon: "))}
	case s.Stats.Hits > 0:
		return errFound
	}
	if c.String("format") == "table" {
		fmt.Fprintf(stderr, "kubeanon: no anonymous requests in %d events\n", s.Stats.Events)
	}
	return nil
}

func printStats(w io.Writer, stats scan.Stats) error {
	line, err := json.Marshal(stats)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", line)
	return err
}

func terminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
