package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/kubeanon/kubeanon/internal/annotate"
	"github.com/kubeanon/kubeanon/internal/explain"
	"github.com/kubeanon/kubeanon/internal/finding"
	"github.com/kubeanon/kubeanon/internal/logfile"
)

func explainCommand(stdin, stdout *os.File) *cli.Command {
	return &cli.Command{
		Name:      "explain",
		Usage:     "say why an event is judged as it is, factor by factor",
		ArgsUsage: "FILE | FILE:LINE | -",
		Description: "Reads one event, in any wrapper, and prints the verdict with its reasons.\n\n" +
			"Examples:\n" +
			"   kubeanon explain event.json\n" +
			"   kubeanon explain audit.log:1742\n" +
			"   grep -m1 system:anonymous audit.log | kubeanon explain --json -",
		Flags: append(searchFlags(), &cli.BoolFlag{Name: "json", Usage: "print JSON"}),
		Action: func(c *cli.Context) error {
			opts, err := searchOptions(c)
			if err != nil {
				return err
			}
			if c.NArg() != 1 {
				return usageError("kubeanon: explain takes one FILE, FILE:LINE or - (see kubeanon explain --help)")
			}
			text, err := readEvent(stdin, c.Args().First())
			if err != nil {
				return unreadableError{fmt.Errorf("kubeanon: %w", err)}
			}
			a := annotate.Annotator{Policy: opts.Policy, All: true}
			var all []explain.Explanation
			_, reason := a.Text(text, func(f *finding.Finding) { all = append(all, explain.Explain(f)) })
			if len(all) == 0 {
				if reason == annotate.Decided {
					reason = "no audit event in it, and it names anonymous nowhere"
				}
				return unreadableError{fmt.Errorf("kubeanon: %s: %s", c.Args().First(), reason)}
			}
			hit := false
			for i := range all {
				hit = hit || all[i].Hit
				if c.Bool("json") {
					err = json.NewEncoder(stdout).Encode(&all[i])
				} else {
					if i > 0 {
						fmt.Fprintln(stdout)
					}
					err = all[i].WriteText(stdout)
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

// readEvent reads a file, packed or not, a line of one, or standard input.
func readEvent(stdin io.Reader, name string) ([]byte, error) {
	if name == logfile.Stdin {
		return io.ReadAll(io.LimitReader(stdin, maxExplain))
	}
	f, err := os.Open(name)
	line := 0
	if i := strings.LastIndexByte(name, ':'); errors.Is(err, os.ErrNotExist) && i > 0 {
		if n, nerr := strconv.Atoi(name[i+1:]); nerr == nil && n > 0 {
			line = n
			f, err = os.Open(name[:i])
		}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	unpacked, err := logfile.Unpack(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	defer func() { _ = unpacked.Close() }() // only read
	if line == 0 {
		return io.ReadAll(io.LimitReader(unpacked, maxExplain))
	}
	return nthLine(unpacked, name, line)
}

// nthLine reads the nth line of a file, counted from 1.
func nthLine(f io.Reader, name string, n int) ([]byte, error) {
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxExplain)
	for i := 1; lines.Scan(); i++ {
		if i == n {
			return lines.Bytes(), nil
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("%s: the file has fewer lines", name)
}
