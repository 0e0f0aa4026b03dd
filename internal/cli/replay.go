package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
	"golang.org/x/time/rate"

	"github.com/kubeanon/kubeanon/internal/collect/checkpoint"
	"github.com/kubeanon/kubeanon/internal/logfile"
	"github.com/kubeanon/kubeanon/internal/replay"
	"github.com/kubeanon/kubeanon/internal/splunk/hec"
)

// sayEvery is how often a replay without a terminal says how far it is.
const sayEvery = 5 * time.Second

func replayCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:      "replay",
		Usage:     "send data sets to Splunk, or into a file",
		ArgsUsage: "PATH...",
		Description: "PATH is a log file, a folder of them, - for standard input, or a YAML file in a form of Splunk's\n" +
			"attack_data; gzip and zstd are unpacked. Each line is an event.\n" +
			"The token comes from a file, from the environment variable " + tokenVariable + ", or from the terminal.\n" +
			"Exit status: 0 all was sent, 2 usage, 3 some input could not be read, 4 not all was sent.\n\n" +
			"Examples:\n" +
			"   kubeanon replay --url https://splunk:8088 --token-file hec.token \\\n" +
			"      --index k8s audit.log\n" +
			"   kubeanon replay --url https://splunk:8088 --token-file hec.token \\\n" +
			"      --rebase now --rate 2x kubernetes.yml\n" +
			"   kubeanon replay --url https://splunk:8088 --token-file hec.token \\\n" +
			"      --ack --resume replay.json logs/\n" +
			"   kubeanon replay --to file --output today.ndjson --rebase now audit.log.gz\n" +
			"   kubeanon replay --dry-run audit.log      # how many events, of what time",
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "to", Value: "hec", Usage: "hec, scs, file: Splunk's HTTP Event Collector, Splunk Cloud Services (legacy), or a file"},
			&cli.StringFlag{Name: "url", Usage: "`URL` of the collector, such as https://splunk:8088, or of Splunk Cloud Services"},
			&cli.StringFlag{Name: "token-file", Usage: "`FILE` with the token"},
			&cli.StringFlag{Name: "ca-file", Usage: "`FILE` in PEM: trust this CA, too"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "with --to file: write to `FILE` instead of standard output"},
			&cli.StringFlag{Name: "index", Usage: "index of all events (default: that of the data set, or of the token)"},
			&cli.StringFlag{Name: "sourcetype", Usage: "sourcetype of all events (default: that of the data set, or kube:audit)"},
			&cli.StringFlag{Name: "source", Usage: "source of all events (default: that of the data set, or the path)"},
			&cli.StringFlag{Name: "host", Usage: "host of all events (default: that of the data set)"},
			&cli.BoolFlag{Name: "no-gzip", Usage: "send bodies unpacked"},
			&cli.BoolFlag{Name: "ack", Usage: "wait until the indexers have written it down; the token needs \"useACK\""},
			&cli.StringFlag{Name: "rebase", Usage: "move all times by the same, so that the newest is `TIME`: now, 2026-11-23, 2026-11-23T09:00:00Z"},
			&cli.StringFlag{Name: "rate", Usage: "no faster than `N` events a second; with an x, such as 1x or 60x, so many times as fast as it happened"},
			&cli.StringFlag{Name: "resume", Usage: "keep in `FILE` how far it came, and go on from there"},
			&cli.BoolFlag{Name: "dry-run", Usage: "send nothing: say what there is"},
			&cli.BoolFlag{Name: "no-progress", Usage: "say nothing until the end"},
		}, cloudFlags()...),
		Action: func(c *cli.Context) error { return runReplay(c, std) },
	}
}

func runReplay(c *cli.Context, std stdio) (err error) {
	r := replay.Replay{State: &replay.State{}}
	if c.NArg() == 0 {
		return usageError("replay needs a PATH: log files, folders or YAML files, or - for standard input (see kubeanon replay --help)")
	}
	if r.Rate, r.Speed, err = pace(c.String("rate")); err != nil {
		return err
	}
	ctx, stop := interruptible(c.Context)
	defer stop()
	r.Stdin = &interruptibleReader{ctx: ctx, file: std.In}
	var progress *bar
	warn := warner(std.Err, &progress)

	sets, unread := replay.Find(c.Args().Slice())
	for i := range sets {
		for flag, field := range map[string]*string{"index": &sets[i].Index, "sourcetype": &sets[i].Sourcetype, "source": &sets[i].Source, "host": &sets[i].Host} {
			if c.IsSet(flag) {
				*field = c.String(flag)
			}
		}
	}
	r.Datasets = sets
	if c.String("resume") != "" && !c.Bool("dry-run") {
		saved, err := checkpoint.OpenFile(c.String("resume"), "replay")
		if err != nil {
			return usagef("--resume: %v", err)
		}
		defer func() { _ = saved.Close() }() // the lock alone
		if _, err := saved.Load(r.State); err != nil {
			return usagef("--resume: %v", err)
		}
		r.Save = func() error { return saved.Save("replay", r.State) }
	}
	if err := rebase(ctx, c, &r); err != nil {
		return err
	}

	var sink replay.Sink
	report := func() string { return "" }
	switch to := c.String("to"); {
	case to != "hec" && to != "scs" && to != "file":
		return usagef("--to=%q is not valid; allowed: hec, scs, file", to)
	case c.Bool("dry-run"):
		sink = replay.Nowhere()
	case to == "file":
		out := std.Out
		if name := c.String("output"); name != "" {
			if out, err = os.OpenFile(name, fileMode(r.State), 0o644); err != nil {
				return usagef("--output: %v", err)
			}
			defer func() { err = errors.Join(err, out.Close()) }()
		}
		sink = replay.NewFile(out)
	case c.String("url") == "":
		return usagef("--to %s needs --url", to)
	case to == "hec":
		client, err := openHEC(c, std, warn)
		if err != nil {
			return err
		}
		defer client.Close()
		sink = replay.HEC{Client: client}
		report = func() string { return sent(client.Refused, client.Again) }
	default:
		client, err := openCloud(ctx, c, c.String("url"), std, warn)
		if err != nil {
			return err
		}
		defer client.Close()
		sink = replay.SCS{Client: client, Sourcetype: "kube:audit"}
		report = func() string { return sent(client.Refused, 0) }
	}
	r.Sink = sink

	begin := time.Now()
	switch {
	case c.Bool("no-progress"):
	case terminal(std.Err):
		progress = newBar(std.Err, "replaying", size(sets))
		update := progress.update()
		r.Progress = func(_, read int64) { update(read) }
	default:
		r.Progress = sayProgress(std.Err, size(sets))
	}
	err = r.Run(ctx)
	progress.stop()
	summary := fmt.Sprintf("%d events, %.1f MB in %.1f s", r.Events, float64(r.Bytes)/1e6, time.Since(begin).Seconds())
	if r.Skipped > 0 {
		summary += fmt.Sprintf(", %d lines had been sent before", r.Skipped)
	}
	if !r.First.IsZero() {
		summary += ", from " + r.First.UTC().Format(time.RFC3339) + " to " + r.Last.UTC().Format(time.RFC3339)
	}
	if c.Bool("dry-run") {
		summary += "; nothing was sent"
	}
	note(std.Err, "%s%s", summary, report())
	var no replay.UnreadableError
	switch {
	case errors.As(err, &no):
		unread = errors.Join(unread, err)
	case errors.Is(err, context.Canceled):
		hint := ""
		if r.Save != nil {
			hint = "; the same command goes on from here"
		}
		return fmt.Errorf("stopped before all was sent%s", hint)
	case err != nil:
		return err
	}
	if unread != nil {
		return unreadableError{unread}
	}
	if refused := report(); strings.Contains(refused, "refused") {
		return errors.New("some events were refused")
	}
	return nil
}

// sent says what did not go as it should.
func sent(refused, again int64) (text string) {
	if refused > 0 {
		text += fmt.Sprintf(", %d events refused", refused)
	}
	if again > 0 {
		text += fmt.Sprintf(", %d requests sent again: their events may be there twice", again)
	}
	return text
}

// fileMode begins a file anew, unless an earlier run wrote a part of it.
func fileMode(state *replay.State) int {
	if len(state.Files) > 0 {
		return os.O_WRONLY | os.O_CREATE | os.O_APPEND
	}
	return os.O_WRONLY | os.O_CREATE | os.O_TRUNC
}

// pace reads --rate.
func pace(text string) (events rate.Limit, speed float64, err error) {
	if text == "" {
		return 0, 0, nil
	}
	number, isSpeed := strings.CutSuffix(text, "x")
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !(n > 0 && n < 1e9) {
		return 0, 0, usagef("--rate=%q is not valid; write events a second, such as 500, or a speed, such as 2x", text)
	}
	if isSpeed {
		return 0, n, nil
	}
	return rate.Limit(n), 0, nil
}

// rebase reads --rebase and finds by how much times are to move. A run that goes
// on moves them as the one before.
func rebase(ctx context.Context, c *cli.Context, r *replay.Replay) error {
	text := c.String("rebase")
	if text == "" || len(r.State.Files) > 0 {
		return nil
	}
	to, err := moment(c, "rebase", time.Now())
	if err != nil {
		return err
	}
	for _, set := range r.Datasets {
		if set.Path == logfile.Stdin {
			return usageError("--rebase has to read everything twice, which standard input cannot be")
		}
	}
	newest, err := replay.Newest(ctx, r.Datasets, nil)
	if ctx.Err() != nil {
		return errors.New("stopped before anything was sent")
	}
	if newest.IsZero() {
		return unreadableError{errors.Join(errors.New("--rebase: no event has a time"), err)}
	}
	r.State.Shift = to.Sub(newest)
	return nil
}

func openHEC(c *cli.Context, std stdio, warn func(string, ...any)) (*hec.Client, error) {
	secret, err := token(c, "token-file", "token of the HTTP Event Collector", std)
	if err != nil {
		return nil, err
	}
	client := &hec.Client{URL: c.String("url"), Token: secret, Sourcetype: "kube:audit", Warn: warn, Gzip: !c.Bool("no-gzip"), Ack: c.Bool("ack")}
	if err := client.Open(c.String("ca-file")); err != nil {
		return nil, usageError(err.Error())
	}
	return client, nil
}

// size is how many bytes the files of data sets have, 0 if that is not known.
func size(sets []replay.Dataset) (total int64) {
	for _, set := range sets {
		info, err := os.Stat(set.Path)
		if set.Path == logfile.Stdin || err != nil {
			return 0
		}
		total += info.Size()
	}
	return total
}

// sayProgress writes a line of JSON now and then.
func sayProgress(stderr io.Writer, total int64) func(events, read int64) {
	said := time.Now()
	return func(events, read int64) {
		if time.Since(said) < sayEvery {
			return
		}
		said = time.Now()
		var line bytes.Buffer
		_ = json.NewEncoder(&line).Encode(map[string]int64{"events": events, "bytes_read": read, "bytes_total": total}) // numbers
		_, _ = io.Copy(stderr, &line)                                                                                   // it is only told
	}
}
