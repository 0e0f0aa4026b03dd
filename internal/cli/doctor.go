package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/urfave/cli/v2"

	"github.com/kubeanon/kubeanon/internal/doctor"
	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/splunk/export"
)

func doctorCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:  "doctor",
		Usage: "check an installation in Splunk, and say what to do",
		Description: "Looks at the app's folder, what is changed in local/, the binary, the search command and the inputs;\n" +
			"with --splunk also at splunkd, and whether the macro kube_audit finds events.\n" +
			"Exit status: 0 nothing failed, 1 something did, 2 usage, 4 internal error.\n\n" +
			"Examples:\n" +
			"   /opt/splunk/etc/apps/kubeanon/bin/kubeanon doctor\n" +
			"   kubeanon doctor --app /opt/splunk/etc/apps/kubeanon \\\n" +
			"      --splunk https://localhost:8089 --token-file splunk.token\n" +
			"   kubeanon doctor --json",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "app", Usage: "`FOLDER` of the app (default: around this binary, else in $SPLUNK_HOME)"},
			&cli.StringFlag{Name: "checkpoints", Usage: "`FOLDER` of the inputs' checkpoints (default: that of this Splunk)"},
			&cli.StringFlag{Name: "splunk", Usage: "`URL` of the management port, such as https://localhost:8089"},
			&cli.StringFlag{Name: "token-file", Usage: "`FILE` with a token for it"},
			&cli.StringFlag{Name: "ca-file", Usage: "`FILE` in PEM: trust this CA, too"},
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object a line"},
		},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return usagef("doctor takes no arguments, but got %q", c.Args().First())
			}
			self, err := os.Executable()
			if err != nil {
				return fmt.Errorf("doctor: %w", err)
			}
			in := doctor.Installation{Now: time.Now()}
			in.App, in.Checkpoints = doctor.Find(self, os.Getenv("SPLUNK_HOME"))
			if c.IsSet("app") {
				if in.App, err = filepath.Abs(c.String("app")); err != nil {
					return fmt.Errorf("doctor: %w", err)
				}
				_, in.Checkpoints = doctor.Find(filepath.Join(in.App, "bin", "kubeanon"), "")
			}
			if c.IsSet("checkpoints") {
				in.Checkpoints = c.String("checkpoints")
			}
			if c.String("splunk") != "" {
				secret, err := token(c, "token-file", "Splunk token", std)
				if err != nil {
					return err
				}
				in.Server = &export.Server{URL: c.String("splunk"), Token: secret, CAFile: c.String("ca-file"), App: "kubeanon"}
			}
			ctx, stop := interruptible(c.Context)
			defer stop()
			failed := 0
			for _, line := range in.Run(ctx) {
				if line.State == doctor.Fail {
					failed++
				}
				if c.Bool("json") {
					err = json.NewEncoder(std.Out).Encode(line)
				} else {
					err = printLine(std.Out, line)
				}
				if err != nil {
					return err
				}
			}
			if failed > 0 {
				return foundError("doctor: " + plural(failed, "check") + " failed")
			}
			return nil
		},
	}
}

// printLine prints a check for people.
func printLine(w *os.File, line doctor.Line) error {
	state := fmt.Sprintf("%-4s", line.State)
	if terminal(w) && os.Getenv("NO_COLOR") == "" {
		state = map[doctor.State]text.Color{doctor.OK: text.FgGreen, doctor.Warn: text.FgYellow, doctor.Fail: text.FgRed}[line.State].Sprint(state)
	}
	_, err := fmt.Fprintf(w, "%s  %-12s %s\n", state, judge.Printable(line.Check), judge.Printable(line.Found))
	if err == nil && line.Advice != "" {
		_, err = fmt.Fprintf(w, "      %-12s %s\n", "", judge.Printable(line.Advice))
	}
	return err
}

func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprint(n, " ", noun)
}
