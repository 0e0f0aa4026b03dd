package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/scan"
	"github.com/kubeanon/kubeanon/internal/splunk/export"
	"github.com/kubeanon/kubeanon/internal/splunk/scs"
)

// huntQuery is what is looked for on a search head that has the app.
const huntQuery = "`kubeanon_events`"

func huntCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:  "hunt",
		Usage: "run a search in Splunk and judge its results",
		Description: "With --splunk it asks a search head by its REST API, with --url and --tenant Splunk Cloud Services (legacy).\n" +
			"The search has to give events with their _raw. Ctrl-C ends it there, too; what came until then is reported.\n" +
			"The token comes from a file, from the environment variable " + tokenVariable + ", or from the terminal.\n" +
			"Exit status: 0 nothing found, 1 found, 2 usage, 3 the search did not end well,\n" +
			"4 the result could not be written.\n\n" +
			"Examples:\n" +
			"   kubeanon hunt --splunk https://splunk:8089 --token-file splunk.token \\\n" +
			"      --earliest -7d\n" +
			"   kubeanon hunt --splunk https://splunk:8089 --token-file splunk.token \\\n" +
			"      --app search --format html --output hunt.html \\\n" +
			"      --query 'index=k8s sourcetype=kube:audit \"system:anonymous\"'\n" +
			"   kubeanon hunt --url https://api.scp.splunk.com --tenant mine \\\n" +
			"      --client-id ID --client-secret-file secret \\\n" +
			"      --query '| from index:main | search sourcetype=\"kube:audit\"'",
		Flags: slices.Concat([]cli.Flag{
			clusterNameFlag(),
			&cli.StringFlag{Name: "splunk", Usage: "`URL` of a search head's management port, such as https://splunk:8089"},
			&cli.StringFlag{Name: "url", Usage: "`URL` of Splunk Cloud Services, such as https://api.scp.splunk.com"},
			&cli.StringFlag{Name: "token-file", Usage: "`FILE` with the token"},
			&cli.StringFlag{Name: "ca-file", Usage: "`FILE` in PEM: trust this CA, too"},
			&cli.StringFlag{Name: "query", Usage: "the search (default with --splunk: " + strings.ReplaceAll(huntQuery, "`", "'") + " in backticks, the app's macro)"},
			&cli.BoolFlag{Name: "old-api", Usage: "Splunk Cloud Services: search by v2beta1 instead of v2"},
			&cli.StringFlag{Name: "app", Value: "kubeanon", Usage: "the app on the search head whose macros the search uses"},
			&cli.StringFlag{Name: "earliest", Value: "-24h", Usage: "events from this time on, in Splunk's form"},
			&cli.StringFlag{Name: "latest", Value: "now", Usage: "events before this time, in Splunk's form"},
			&cli.DurationFlag{Name: "deadline", Value: 30 * time.Minute, Usage: "give up after this long"},
			&cli.BoolFlag{Name: "stats", Usage: "print one JSON object with counts on standard error at the end"},
			&cli.BoolFlag{Name: "no-progress", Usage: "no progress; there is none without a terminal anyway"},
		}, cloudFlags(), searchFlags(), outletFlags()),
		Action: func(c *cli.Context) error { return runHunt(c, std) },
	}
}

func runHunt(c *cli.Context, std stdio) error {
	opts, err := searchOptions(c)
	if err != nil {
		return err
	}
	head, query := c.String("splunk") != "", c.String("query")
	switch {
	case c.NArg() > 0:
		return usagef("hunt takes no arguments, but got %q; the search goes into --query", c.Args().First())
	case head == (c.String("url") != ""):
		return usageError("hunt needs either --splunk https://SEARCHHEAD:8089, or --url and --tenant of Splunk Cloud Services")
	case !head && query == "":
		return usageError("Splunk Cloud Services need a --query")
	case query == "":
		query = huntQuery
	}
	out, err := openOutlet(c, &opts, std, "the search "+query)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(c.Context)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, c.Duration("deadline"))
	defer cancel()
	h := hunt{detector: detect.New(opts.Policy, opts.All), out: out, reasons: map[detect.Reason]int64{}}
	h.detector.Cluster = c.String(clusterName)
	// Not before a token was asked for on the same terminal.
	showBar := func() {
		if terminal(std.Err) && !c.Bool("no-progress") {
			h.bar = newBar(std.Err, "searching", 0)
		}
	}
	begin := time.Now()
	if head {
		var secret string
		if secret, err = token(c, "token-file", "Splunk token", std); err != nil {
			return err
		}
		showBar()
		server := export.Server{URL: c.String("splunk"), Token: secret, CAFile: c.String("ca-file"), App: c.String("app")}
		err = server.Run(ctx, export.Search{Query: query, Earliest: c.String("earliest"), Latest: c.String("latest")}, func(row export.Row) error {
			return h.row(strings.Join(row["_raw"], "\n"))
		})
	} else {
		var cloud *scs.Client
		if cloud, err = openCloud(ctx, c, c.String("url"), std, warner(std.Err, &h.bar)); err != nil {
			return err
		}
		defer cloud.Close()
		showBar()
		search := scs.Search{Query: query, Earliest: c.String("earliest"), Latest: c.String("latest"), Progress: h.progress}
		err = cloud.Search(ctx, search, func(row map[string]any) error {
			raw, _ := row["_raw"].(string)
			return h.row(raw)
		})
	}
	h.bar.stop()
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("the search took longer than --deadline %s", c.Duration("deadline"))
	}
	h.stats.Seconds = time.Since(begin).Seconds()
	return h.end(std.Err, c.Bool("stats"), err)
}

// hunt judges the rows of a search.
type hunt struct {
	detector *detect.Detector
	out      *outlet
	bar      *bar
	stats    scan.Stats
	reasons  map[detect.Reason]int64
	bare     int64 // rows without the text of an event
}

// row judges one row.
func (h *hunt) row(raw string) error {
	h.stats.Lines++
	h.stats.Bytes += int64(len(raw))
	h.bar.add(int64(len(raw)))
	if strings.TrimSpace(raw) == "" {
		h.bare++
		return nil
	}
	events, reason := h.detector.Text([]byte(raw), func(f *detect.Finding) {
		if h.out.Drops(f) {
			return
		}
		h.stats.Hits++
		h.out.Add(f)
	})
	h.stats.Events += int64(events)
	if reason != detect.Decided {
		h.stats.Undecidable++
		h.reasons[reason]++
	}
	return h.out.err
}

// progress is told how far a job is.
func (h *hunt) progress(percent, results int) {
	h.bar.say(fmt.Sprintf("searching, %d %%, %d results", percent, results))
}

// end completes the report. A search that did not end well is an input that
// could not be read.
func (h *hunt) end(stderr *os.File, stats bool, err error) error {
	h.out.source.Events, h.out.source.Undecidable = h.stats.Events, h.stats.Undecidable
	if err == nil && h.bare > 0 && h.bare == h.stats.Lines {
		err = errors.New("no row has _raw; the search has to give events, not a table of fields")
	}
	if errors.Is(err, context.Canceled) {
		err = errors.New("stopped before the end")
	}
	if err != nil {
		h.out.source.Incomplete = err.Error()
	}
	writeErr := h.out.close(stderr, h.reasons, nil)
	if h.bare > 0 && h.bare < h.stats.Lines {
		note(stderr, "%d rows without _raw were not judged", h.bare)
	}
	if stats {
		if err := printStats(stderr, h.stats); err != nil {
			return err
		}
	}
	switch {
	case writeErr != nil:
		return writeErr
	case err != nil:
		return unreadableError{fmt.Errorf("hunt: %w", err)}
	case h.stats.Hits > 0:
		return errFound
	}
	note(stderr, "no anonymous requests in %d events", h.stats.Events)
	return nil
}
