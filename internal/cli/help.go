package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/xrash/smetrics"
)

const (
	helpWidth  = 80 // columns, as a terminal that nobody has resized
	helpColumn = 27 // where the explanations of flags begin
)

// The headings of a command's flags, in the order in which the help prints them.
const (
	flagsJudge  = "Judgement"
	flagsFilter = "What is reported"
	flagsResult = "The result"
)

// The library prints each flag on one line, however long, and has its printer in
// a variable; this is set once, before any command runs.
func init() { cli.HelpPrinter = printHelp } //nolint:gochecknoinits // see above

// printHelp prints the help of the program or of a command. The template is the
// library's and not used.
func printHelp(w io.Writer, _ string, data any) {
	var b strings.Builder
	switch of := data.(type) {
	case *cli.App:
		prose(&b, of.Name+": "+of.Usage+"\n\nUsage: "+of.Name+" COMMAND [flags] [arguments]\n\n"+of.Description+"\n\nCommands:")
		for _, cmd := range of.VisibleCommands() {
			entry(&b, "  "+cmd.Name, 14, cmd.Usage)
		}
		b.WriteString("\nkubeanon help COMMAND explains one.\n")
	case *cli.Command:
		usage := of.HelpName
		if len(of.VisibleFlags()) > 1 {
			usage += " [flags]"
		}
		prose(&b, of.HelpName+": "+of.Usage+"\n\nUsage: "+strings.TrimSpace(usage+" "+of.ArgsUsage)+"\n\n"+of.Description)
		printFlags(&b, of.VisibleFlags())
	}
	_, _ = io.WriteString(w, b.String()) // a reader that went away has seen enough
}

// printFlags prints flags under their headings, those without one first.
func printFlags(b *strings.Builder, flags []cli.Flag) {
	for _, heading := range []string{"", flagsJudge, flagsFilter, flagsResult} {
		title := heading
		if title == "" {
			title = "Flags"
		}
		for _, flag := range flags {
			in, _ := flag.(cli.CategorizableFlag)
			of, documented := flag.(cli.DocGenerationFlag)
			if in == nil || !documented || in.GetCategory() != heading {
				continue
			}
			if title != "" {
				fmt.Fprintf(b, "\n%s:\n", title)
				title = ""
			}
			printFlag(b, of)
		}
	}
}

func printFlag(b *strings.Builder, flag cli.DocGenerationFlag) {
	var names []string
	for _, name := range slices.Backward(flag.Names()) { // -o before --output
		names = append(names, strings.Repeat("-", min(len(name), 2))+name)
	}
	label := "  " + strings.Join(names, ", ")
	value, text := placeholder(flag.GetUsage())
	if flag.TakesValue() {
		label += " " + value
	}
	if set := strings.Trim(flag.GetDefaultText(), `"`); flag.TakesValue() && set != "" && set != "0" && !strings.Contains(text, "(default") {
		text += " (default: " + set + ")"
	}
	entry(b, label, helpColumn, text)
}

// placeholder returns the name of a flag's value, which stands in ` of its
// usage, and the usage. Where the usage begins with the name, the name is taken off.
func placeholder(usage string) (value, text string) {
	before, rest, found := strings.Cut(usage, "`")
	if !found {
		return "VALUE", usage
	}
	value, after, _ := strings.Cut(rest, "`")
	if text, leads := strings.CutPrefix(after, ": "); leads && before == "" {
		return value, text
	}
	return value, before + value + after
}

// prose prints a text with its paragraphs wrapped. A line that is indented, or
// has more than one space in a row, stays as it is: an example, or a row of a table.
func prose(b *strings.Builder, text string) {
	var paragraph string
	end := func() {
		if paragraph != "" {
			entry(b, "", 0, paragraph)
		}
		paragraph = ""
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" || strings.Contains(line, "  ") {
			end()
			b.WriteString(line + "\n")
			continue
		}
		paragraph += " " + line
	}
	end()
}

// entry prints a label and, from a column on, its explanation.
func entry(b *strings.Builder, label string, column int, text string) {
	b.WriteString(label)
	at := len(label)
	if at+2 > column && column > 0 {
		b.WriteByte('\n')
		at = 0
	}
	for word := range strings.FieldsSeq(text) {
		switch {
		case at < column:
			b.WriteString(strings.Repeat(" ", column-at))
			at = column
		case at+1+len([]rune(word)) > helpWidth:
			b.WriteString("\n" + strings.Repeat(" ", column))
			at = column
		case at > column:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len([]rune(word))
	}
	b.WriteByte('\n')
}

// under puts flags under a heading of the help.
func under(heading string, flags ...cli.Flag) []cli.Flag {
	for _, flag := range flags {
		switch f := flag.(type) {
		case *cli.StringFlag:
			f.Category = heading
		case *cli.StringSliceFlag:
			f.Category = heading
		case *cli.IntFlag:
			f.Category = heading
		case *cli.BoolFlag:
			f.Category = heading
		default:
			panic(fmt.Sprintf("a flag of type %T under a heading", flag))
		}
	}
	return flags
}

// meant returns a question for the word that was probably meant, or nothing
// where none of them is near.
func meant(given, dashes string, words []string) string {
	best, distance := "", len(given)/3+2
	for _, word := range words {
		if d := smetrics.WagnerFischer(given, word, 1, 1, 1); d < distance {
			best, distance = word, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s%s?", dashes, best)
}
