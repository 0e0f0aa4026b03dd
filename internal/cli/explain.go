package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/explain"
	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/logfile"
	"github.com/kubeanon/kubeanon/internal/options"
	"github.com/kubeanon/kubeanon/internal/scan"
)

func explainCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "say why an event is judged as it is, factor by factor",
		ArgsUsage: "FILE | FILE:LINE | - | --id AUDIT-ID PATH...",
		Description: "Reads one event, in any wrapper, and prints the verdict with its reasons. FILE may be packed, and\n" +
			"FILE:LINE is what the HTML report and SARIF name; with --id it looks for a finding in files and folders.\n\n" +
			"Examples:\n" +
			"   kubeanon explain event.json\n" +
			"   kubeanon explain audit.log:1742\n" +
			"   kubeanon explain --id 5a5d0f2e-6f07-4b43-a3f9-2f1f6f1d7a33 exported-logs/\n" +
			"   grep -m1 system:anonymous audit.log | kubeanon explain --json -",
		Flags: append(searchFlags(),
			clusterNameFlag(),
			&cli.StringFlag{Name: "id", Usage: "look for the findings with this `AUDIT-ID`"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"}),
		Action: func(c *cli.Context) error {
			opts, err := searchOptions(c)
			if err != nil {
				return err
			}
			if id := c.String("id"); id != "" {
				return explainID(c, opts, id, std)
			}
			if c.NArg() != 1 {
				return usageError("explain takes one FILE, FILE:LINE or - (see kubeanon explain --help)")
			}
			text, err := readEvent(std.In, c.Args().First())
			if err != nil {
				return unreadableError{err}
			}
			d := detect.New(opts.Policy, true)
			d.Cluster = c.String(clusterName)
			var all []explain.Explanation
			_, reason := d.Text(text, func(f *detect.Finding) { all = append(all, explain.Explain(f)) })
			if len(all) == 0 {
				if reason == detect.Decided {
					reason = "no audit event in it, and it names anonymous nowhere"
				}
				return unreadableError{fmt.Errorf("%s: %s", c.Args().First(), reason)}
			}
			hit := false
			for i := range all {
				hit = hit || all[i].Hit
				if c.Bool("json") {
					err = json.NewEncoder(std.Out).Encode(&all[i])
				} else {
					if i > 0 {
						fmt.Fprintln(std.Out)
					}
					err = all[i].WriteText(std.Out)
				}
				if err != nil {
					return err
				}
			}
			if hit {
				return errFound
			}
			return nil
		},
	}
}

// explainID explains the findings with an audit ID: one for each stage of a request.
func explainID(c *cli.Context, opts options.Options, id string, std stdio) error {
	if c.NArg() == 0 {
		return usageError("explain --id needs a PATH: files or folders, or - for standard input (see kubeanon explain --help)")
	}
	ctx, stop := interruptible(c.Context)
	defer stop()
	sink := explainSink{id: id, json: c.Bool("json"), out: std.Out}
	seen, err := scan.New(scan.Config{
		Policy: opts.Policy, Cluster: c.String(clusterName),
		Stdin: &interruptibleReader{ctx: ctx, file: std.In},
		Sink:  &sink,
		Warn:  func(string, ...any) {}, // there may be other logs, too
	}).Run(ctx, c.Args().Slice())
	switch {
	case sink.err != nil:
		return sink.err
	case err != nil:
		return unreadableError{err}
	case sink.found == 0:
		return unreadableError{fmt.Errorf("no anonymous request with the audit ID %s in %d events", judge.Clean(id), seen.Stats.Events)}
	case sink.found > maxSame:
		fmt.Fprintf(std.Out, "\nand %d more with this audit ID\n", sink.found-maxSame)
	}
	return errFound
}

// explainSink explains the findings with an audit ID, the first ones.
type explainSink struct {
	id    string
	json  bool
	out   io.Writer
	found int
	err   error // the first one of writing
}

func (s *explainSink) Drops(f *detect.Finding) bool { return f.Event.AuditID != s.id }

func (s *explainSink) Add(f *detect.Finding) {
	if s.found++; s.found > maxSame || s.err != nil {
		return
	}
	explained := explain.Explain(f)
	if s.json {
		s.err = json.NewEncoder(s.out).Encode(&explained)
		return
	}
	if s.found > 1 {
		fmt.Fprintln(s.out)
	}
	fmt.Fprintf(s.out, "%-12s %s\n", "at", judge.Printable(f.Place.String()))
	s.err = explained.WriteText(s.out)
}

// readEvent reads a file, packed or not, a record of one, or standard input.
func readEvent(stdin io.Reader, name string) ([]byte, error) {
	if name == logfile.Stdin {
		return io.ReadAll(io.LimitReader(stdin, maxExplain))
	}
	path, line := name, 0
	if i := strings.LastIndexByte(name, ':'); i > 0 {
		n, err := strconv.Atoi(name[i+1:])
		if _, absent := os.Stat(name); err == nil && n > 0 && absent != nil {
			path, line = name[:i], n
		}
	}
	var text []byte
	err := logfile.Open(path, func(unpacked io.Reader) (err error) {
		if line == 0 {
			text, err = io.ReadAll(io.LimitReader(unpacked, maxExplain))
		} else {
			text, err = nthRecord(unpacked, name, line)
		}
		return err
	})
	if err != nil && !strings.Contains(err.Error(), path) {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return text, err
}

// nthRecord reads the record that begins on the nth line of a file, counted from
// 1, as a scan cuts it: a line, or the lines of JSON that somebody laid out.
func nthRecord(f io.Reader, name string, n int) ([]byte, error) {
	lines := bufio.NewReader(f)
	for i := 1; i < n; {
		switch _, err := lines.ReadSlice('\n'); {
		case err == nil:
			i++
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("%s: the file has fewer lines", name)
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	text, err := io.ReadAll(io.LimitReader(lines, maxExplain))
	record := scan.Record(text)
	switch {
	case err != nil && len(record) == len(text): // what is behind it does not matter
		return nil, fmt.Errorf("%s: %w", name, err)
	case len(record) == 0:
		return nil, fmt.Errorf("%s: the file has fewer lines", name)
	}
	return bytes.TrimRight(record, "\r\n"), nil
}
