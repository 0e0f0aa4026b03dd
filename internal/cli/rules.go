package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"github.com/kubeanon/kubeanon/internal/detect/cases"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// errCases says that cases did not come out as expected.
var errCases = foundError("rules test: some cases differ")

func rulesCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:  "rules",
		Usage: "list the categories with score and ATT&CK technique; \"rules test\" runs the cases",
		Description: "Examples:\n" +
			"   kubeanon rules\n" +
			"   kubeanon rules test              # the cases that come with kubeanon\n" +
			"   kubeanon rules test my-cases/    # your own\n\n" +
			"A folder of cases holds two files of JSON lines that belong together by id:\n" +
			"   events.ndjson        {\"id\":\"A\",\"raw\":\"TEXT OF THE EVENT\"};\n" +
			"                        raw_b64 instead where it is no UTF-8\n" +
			"   expectations.ndjson  {\"id\":\"A\",\"rows\":[{\"outcome\":\"denied\",\n" +
			"                        \"category\":\"web_scan_noise\"}]}\n" +
			"A row names what is to be held, no row that nothing is found. The names are those of the search command's\n" +
			"fields, but auth_class for anonymous_class and subresource, resource for those of objectRef.",
		ArgsUsage: "[test [FOLDER]]",
		Action: func(c *cli.Context) error {
			switch {
			case c.NArg() == 0:
				return listRules(std.Out)
			case c.Args().First() == "test" && c.NArg() <= 2:
				files := cases.Builtin()
				if c.NArg() == 2 {
					files = os.DirFS(c.Args().Get(1))
				}
				return testRules(std.Out, files)
			}
			return usageError("rules takes nothing, or \"test\" and perhaps a folder (see kubeanon rules --help)")
		},
	}
}

func listRules(w io.Writer) error {
	out := table.NewWriter()
	out.SetStyle(table.StyleLight)
	out.Style().Options.DrawBorder = false
	out.Style().Format.Header = text.FormatDefault
	out.AppendHeader(table.Row{"category", "impact", "confidence", "score", "severity", "ATT&CK", "example"})
	for _, c := range judge.Categories() {
		out.AppendRow(table.Row{c.Name, c.Impact, c.Confidence, c.Score(), c.Severity(), strings.Join(c.ATTACK, " "), c.Example})
	}
	_, err := fmt.Fprintln(w, out.Render())
	return err
}

func testRules(w io.Writer, files fs.FS) error {
	all, err := cases.Load(files)
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w (a folder of cases holds events.ndjson and expectations.ndjson, see kubeanon rules --help)", err)
	}
	if err != nil {
		return unreadableError{fmt.Errorf("rules test: %w", err)}
	}
	failed := 0
	for _, c := range all {
		differ := c.Check()
		if len(differ) > 0 {
			failed++
		}
		for _, line := range differ {
			fmt.Fprintf(w, "%-6s %-30s %s\n", judge.Clean(c.ID), judge.Clean(c.Format), line)
		}
	}
	if _, err := fmt.Fprintf(w, "%d passed, %d failed\n", len(all)-failed, failed); err != nil {
		return err
	}
	if failed > 0 {
		return errCases
	}
	return nil
}
