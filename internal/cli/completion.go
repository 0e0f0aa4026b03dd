package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/urfave/cli/v2"

	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/options"
	"github.com/kubeanon/kubeanon/internal/report"
)

func completionCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print the completion of bash, zsh or fish",
		ArgsUsage: "bash | zsh | fish",
		Description: "Examples:\n" +
			"   source <(kubeanon completion bash)   # in ~/.bashrc for every shell\n" +
			"   source <(kubeanon completion zsh)    # behind compinit in ~/.zshrc\n" +
			"   kubeanon completion fish > ~/.config/fish/completions/kubeanon.fish",
		Action: func(c *cli.Context) error {
			switch shell := c.Args().First(); {
			case c.NArg() != 1:
				return usageError("completion takes the name of a shell: bash, zsh or fish")
			case shell == "fish":
				script, err := c.App.ToFishCompletion()
				if err != nil {
					return fmt.Errorf("completion: %w", err)
				}
				_, err = io.WriteString(std.Out, script)
				return err
			case shell == "bash" || shell == "zsh":
				return completion.Execute(std.Out, words(c.App, shell == "zsh"))
			default:
				return usagef("completion %q is not valid; allowed: bash, zsh, fish", shell)
			}
		},
	}
}

func manCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:        "man",
		Usage:       "print the manual page",
		Description: "Examples:\n   kubeanon man > kubeanon.1 && man ./kubeanon.1",
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return usageError("man takes no arguments")
			}
			page := *c.App
			page.Description = "    " + strings.ReplaceAll(page.Description, "\n", "\n    ") // Markdown: lines that stay lines
			text, err := page.ToManWithSection(1)
			if err != nil {
				return fmt.Errorf("man: %w", err)
			}
			_, err = io.WriteString(std.Out, text+details(c.App))
			return err
		},
	}
}

// details are the descriptions of the commands with their examples, which the
// library leaves out of a manual page, in the macros of man(7).
func details(app *cli.App) string {
	roff := strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n.", "\n\\&.", "\n'", "\n\\&'")
	var b strings.Builder
	b.WriteString("\n.SH EXAMPLES\n")
	for _, cmd := range app.VisibleCommands() {
		if cmd.Description != "" {
			fmt.Fprintf(&b, ".SS kubeanon %s %s\n.EX\n%s\n.EE\n", roff.Replace(cmd.Name), roff.Replace(cmd.ArgsUsage), strings.TrimPrefix(roff.Replace("\n"+cmd.Description), "\n"))
		}
	}
	return b.String()
}

// completion is one script for both shells: zsh has bash's machinery. All words
// stand in it, so that no key press starts a program.
var completion = template.Must(template.New("completion").Parse(`{{if .Zsh}}autoload -Uz bashcompinit && bashcompinit
{{end}}_kubeanon() {
	local cur=${COMP_WORDS[COMP_CWORD]} words=
	if [ "$COMP_CWORD" = 1 ]; then
		words='{{.Commands}}'
	else
		case ${COMP_WORDS[COMP_CWORD-1]} in
{{- range .Values}}
		{{.Name}}) words='{{.Words}}' ;;
{{- end}}
		*) case $cur in
			-*) case ${COMP_WORDS[1]} in
{{- range .Flags}}
				{{.Name}}) words='{{.Words}}' ;;
{{- end}}
				esac ;;
{{- range .Arguments}}
			*) [ "${COMP_WORDS[1]}" = {{.Name}} ] && words='{{.Words}}' ;;
{{- end}}
			esac ;;
		esac
	fi
	COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -o default -F _kubeanon kubeanon
`))

// choice is a word and what may follow it.
type choice struct{ Name, Words string }

// script is what the template needs.
type script struct {
	Zsh                      bool
	Commands                 string
	Flags, Values, Arguments []choice
}

func words(app *cli.App, zsh bool) script {
	s := script{Zsh: zsh, Commands: strings.Join(commandNames(app), " "), Arguments: []choice{{"completion", "bash zsh fish"}}}
	known := values()
	seen := map[string]bool{}
	for _, cmd := range app.VisibleCommands() {
		var flags []string
		for _, flag := range cmd.VisibleFlags() {
			name := "--" + flag.Names()[0]
			flags = append(flags, name)
			if list := known[name]; list != nil && !seen[name] {
				seen[name] = true
				s.Values = append(s.Values, choice{name, strings.Join(list, " ")})
			}
		}
		s.Flags = append(s.Flags, choice{cmd.Name, strings.Join(flags, " ")})
	}
	return s
}

// values are the words that flags take, of those that take one of a few.
func values() map[string][]string {
	all := map[string][]string{"--format": report.Formats(), "--to": {"hec", "scs", "file"}}
	for _, severity := range slices.Backward(judge.Severities()) {
		all["--min-severity"] = append(all["--min-severity"], string(severity))
	}
	for _, category := range judge.Categories() {
		all["--category"] = append(all["--category"], category.Name)
	}
	for _, class := range judge.Optional() {
		all["--include"] = append(all["--include"], string(class))
	}
	for _, o := range options.Table {
		if !strings.ContainsAny(o.Value, "<") {
			all["--"+flagName(o)] = strings.Split(o.Value, "|")
		}
	}
	return all
}
