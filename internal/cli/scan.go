package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/kubeanon/kubeanon/internal/scan"
)

func scanCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:      "scan",
		Usage:     "find anonymous requests in log files",
		ArgsUsage: "PATH...",
		Description: "PATH is a file, a folder or - for standard input; gzip, zstd, bzip2, xz, zip and tar are unpacked.\n" +
			"Exit status: 0 nothing found and all was judged, 1 found, 2 usage, 3 some input could\n" +
			"not be read or judged, 4 the result could not be written (see kubeanon --help).\n\n" +
			"Examples:\n" +
			"   kubeanon scan /var/log/kubernetes/audit.log\n" +
			"   kubeanon scan --format ndjson --output hits.ndjson exported-logs/\n" +
			"   kubeanon scan --format html --output report.html \\\n" +
			"      --since 7d --min-severity medium audit*.log.gz\n" +
			"   kubectl exec ... cat audit.log | kubeanon scan --stats -\n" +
			"   # as the original search\n" +
			"   kubeanon scan --match strict --risk flat --src-ip all audit.log",
		Flags: slices.Concat(searchFlags(), outletFlags(), []cli.Flag{
			clusterNameFlag(),
			&cli.IntFlag{Name: "jobs", Usage: "judge `N` blocks at a time (default: one for each processor)"},
			&cli.BoolFlag{Name: "stats", Usage: "print one JSON object with counts on standard error at the end"},
			&cli.BoolFlag{Name: "no-progress", Usage: "no progress bar; there is none without a terminal anyway"},
		}),
		Action: func(c *cli.Context) error { return runScan(c, std) },
	}
}

func runScan(c *cli.Context, std stdio) error {
	opts, err := searchOptions(c)
	if err != nil {
		return err
	}
	paths := c.Args().Slice()
	if len(paths) == 0 {
		return usageError("scan needs a PATH: files or folders, or - for standard input (see kubeanon scan --help)")
	}
	if err := notInput(c.String("output"), paths); err != nil {
		return err
	}
	out, err := openOutlet(c, &opts, std, titleOf(paths))
	if err != nil {
		return err
	}
	var progress *bar
	if terminal(std.Err) && !c.Bool("no-progress") {
		progress = newBar(std.Err, "scanning", scan.Size(paths))
	}
	ctx, stop := interruptible(c.Context)
	defer stop()
	seen, scanErr := scan.New(scan.Config{
		Policy:   opts.Policy,
		Cluster:  c.String(clusterName),
		All:      opts.All,
		Jobs:     c.Int("jobs"),
		Stdin:    &interruptibleReader{ctx: ctx, file: std.In},
		Sink:     out.sink(),
		Warn:     warner(std.Err, &progress),
		Progress: progress.update(),
	}).Run(ctx, paths)
	progress.stop()
	out.source.Events, out.source.Undecidable = seen.Stats.Events, seen.Stats.Undecidable
	if scanErr != nil {
		out.source.Incomplete = strings.ReplaceAll(scanErr.Error(), "\n", "; ")
	}
	if n := seen.Stats.Eventless; scanErr == nil && n > 0 {
		out.source.Incomplete = fmt.Sprintf("%d of %d files hold no audit events", n, seen.Stats.Files)
	}
	writeErr := out.close(std.Err, seen.Reasons, seen.First)
	if c.Bool("stats") {
		if err := printStats(std.Err, seen.Stats); err != nil {
			return err
		}
	}
	switch {
	case writeErr != nil:
		return writeErr
	case scanErr != nil:
		return unreadableError{scanErr}
	case seen.Stats.Hits > 0:
		return errFound
	}
	said := nothingFound(seen.Stats, out.source.LeftOut > 0)
	if seen.Stats.Eventless > 0 || seen.Stats.Undecidable > 0 {
		return unreadableError{errors.New(said)}
	}
	if out.format == "table" {
		note(std.Err, "%s", said)
	}
	return nil
}

// notInput refuses to write over a file that is to be read: it would be empty
// before that.
func notInput(output string, paths []string) error {
	target, err := os.Stat(output)
	if output == "" || err != nil {
		return nil // it is not there yet
	}
	for _, path := range paths {
		if input, err := os.Stat(path); err == nil && os.SameFile(target, input) {
			return usagef("--output=%s is also the input %s; write to another file", output, path)
		}
	}
	return nil
}

// clusterName is the flag that names the cluster where the input does not.
const clusterName = "cluster-name"

func clusterNameFlag() cli.Flag {
	return &cli.StringFlag{Name: clusterName, Usage: "the `NAME` of the cluster, where the input names none"}
}

// titleOf says in a report what was read.
func titleOf(paths []string) string {
	title := strings.Join(paths[:min(len(paths), maxNamed)], " ")
	if more := len(paths) - maxNamed; more > 0 {
		title += fmt.Sprintf(" and %d more", more)
	}
	return title
}

// nothingFound says it without promising too much.
func nothingFound(stats scan.Stats, leftOut bool) string {
	if stats.Events == 0 && stats.Undecidable == 0 {
		return "no audit events in it, so nothing was judged"
	}
	nothing := "no anonymous requests"
	if leftOut {
		nothing = "no other anonymous requests"
	}
	nothing += fmt.Sprintf(" in %d events", stats.Events)
	if stats.Eventless > 0 {
		nothing += fmt.Sprintf("; %d of %d files hold no audit events", stats.Eventless, stats.Files)
	}
	if stats.Undecidable > 0 {
		nothing += fmt.Sprintf("; %d texts could not be judged and may hide some", stats.Undecidable)
	}
	return nothing
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
