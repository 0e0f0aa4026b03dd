// Package cli is the wiring: it turns a command line into one of the faces of
// the binary and an error into an exit code.
//
// Standard output carries only the protocol, or the result. Everything else
// goes to standard error.
package cli

import (
	"context"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/kubeanon/kubeanon/internal/version"
)

// stdio is the three standard files of the process.
type stdio struct{ In, Out, Err *os.File }

// Main runs the command line and returns the exit code.
func Main(args []string, stdin, stdout, stderr *os.File) int {
	// A reader that goes away is an error to be handled, not a signal to die of.
	signal.Ignore(syscall.SIGPIPE)
	std := stdio{stdin, stdout, stderr}
	return exitCode(run(context.Background(), args, std), std.Err)
}

func run(ctx context.Context, args []string, std stdio) error {
	if isInput(args, std.In) {
		return runInput(ctx, args, std)
	}
	if len(args) > 2 && args[1] == "help" { // help COMMAND is COMMAND --help
		args = append(slices.Concat(args[:1], args[2:]), "--help")
	}
	if len(args) == 2 && (args[1] == "--version" || args[1] == "-v") {
		args = []string{args[0], "version"}
	}
	app := &cli.App{
		Name:            "kubeanon",
		Usage:           "find requests that reached a Kubernetes API server without a name",
		Version:         version.Version,
		HideVersion:     true,
		HideHelpCommand: true,
		Reader:          std.In,
		Writer:          std.Out,
		ErrWriter:       std.Err,
		Compiled:        time.Unix(0, 0), // or the library would ask for the time of the program's file
		// The library would exit by itself on every error that has a method
		// ExitCode, an *exec.ExitError of a child process for one.
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError:   onUsageError,
		Description: "As a Splunk search command: `kube_audit` | kubeanon\n" +
			"On a laptop:              kubeanon scan /var/log/kubernetes/audit.log\n" +
			"Without either:           kubeanon demo\n\n" +
			"Exit status:\n" + exitHelp,
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 && c.Args().First() != "help" {
				given, names := c.Args().First(), commandNames(c.App)
				return usagef("unknown command %q; allowed: %s%s (see kubeanon --help)", given, strings.Join(names, ", "), meant(given, "", names))
			}
			return cli.ShowAppHelp(c)
		},
		Commands: []*cli.Command{
			scanCommand(std),
			explainCommand(std),
			rulesCommand(std),
			replayCommand(std),
			huntCommand(std),
			demoCommand(std),
			serveCommand(std),
			doctorCommand(std),
			searchCommand(std),
			completionCommand(std),
			manCommand(std),
			versionCommand(std),
		},
	}
	for _, cmd := range app.Commands {
		cmd.OnUsageError = onUsageError
		cmd.HideHelpCommand = true
	}
	return app.RunContext(ctx, interspersed(app, args))
}

// interruptible ends the context of a command at the first SIGINT or SIGTERM,
// so that it can report what it has; the second one ends the process. Commands
// that do not ask for it die of the first.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

func commandNames(app *cli.App) (names []string) {
	for _, cmd := range app.VisibleCommands() {
		names = append(names, cmd.Name)
	}
	return names
}

// onUsageError makes one line of what the library has to say.
func onUsageError(c *cli.Context, err error, _ bool) error {
	hint := ""
	if name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); unknown {
		var names []string
		for _, flag := range c.Command.VisibleFlags() {
			names = append(names, flag.Names()...)
		}
		if strings.Contains(name, "_") {
			hint = "; flags have - where the search command has _"
		}
		hint += meant(strings.Trim(name, "-"), "--", names)
	}
	return usagef("%v%s (see %s --help)", err, hint, c.Command.HelpName)
}

// interspersed moves the flags of a command before its arguments, so that
// "scan FILE --format csv" works as "scan --format csv FILE" does; the library
// stops at the first argument.
func interspersed(app *cli.App, args []string) []string {
	if len(args) < 2 {
		return args
	}
	cmd := app.Command(args[1])
	if cmd == nil {
		return args
	}
	takesValue := map[string]bool{}
	for _, flag := range cmd.Flags {
		_, boolean := flag.(*cli.BoolFlag)
		for _, name := range flag.Names() {
			takesValue[name] = !boolean
		}
	}
	var flags, rest []string
	for i := 2; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			rest = append(rest, args[i+1:]...)
			i = len(args)
		case arg == "--help" || arg == "-h": // the library would look for help on the first argument
			return []string{args[0], args[1], arg}
		case len(arg) > 1 && arg[0] == '-':
			flags = append(flags, arg)
			if takesValue[strings.TrimLeft(arg, "-")] && i+1 < len(args) {
				i++
				flags = append(flags, args[i])
			}
		default:
			rest = append(rest, arg)
		}
	}
	return append(append(append(append([]string{}, args[:2]...), flags...), "--"), rest...)
}
