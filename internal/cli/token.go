package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// tokenVariable is the environment variable that is read where no file is named.
// There is no flag that takes a token: every user of the machine can read the
// arguments of a process.
const tokenVariable = "KUBEANON_TOKEN"

// token gets a secret: from the file that a flag names, from the environment, or
// from whoever sits at the terminal.
func token(c *cli.Context, flag, what string, std stdio) (string, error) {
	if c.String(flag) != "" {
		return secret(c, flag)
	}
	if text := strings.TrimSpace(os.Getenv(tokenVariable)); text != "" {
		return text, nil
	}
	if !terminal(std.In) {
		return "", usagef("no %s: name a file with --%s, or set the environment variable %s", what, flag, tokenVariable)
	}
	fmt.Fprintf(std.Err, "%s: ", what)
	text, err := readSecret(c.Context, int(std.In.Fd()))
	fmt.Fprintln(std.Err)
	if err != nil {
		return "", fmt.Errorf("reading the %s: %w", what, err)
	}
	if text == "" {
		return "", usagef("an empty %s", what)
	}
	return text, nil
}

// readSecret reads a line that the terminal does not show. Ctrl-C ends that, and
// leaves the terminal as it was; the read that waits is left behind.
func readSecret(ctx context.Context, fd int) (string, error) {
	ctx, stop := interruptible(ctx)
	defer stop()
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	type answer struct {
		text []byte
		err  error
	}
	typed := make(chan answer, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		typed <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", errors.Join(errors.New("stopped"), term.Restore(fd, before))
	case a := <-typed:
		return strings.TrimSpace(string(a.text)), a.err
	}
}

// secret reads the file that a flag names; empty without the flag.
func secret(c *cli.Context, flag string) (string, error) {
	name := c.String(flag)
	if name == "" {
		return "", nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return "", usagef("--%s: %v", flag, err)
	}
	token := strings.TrimSpace(string(text))
	if token == "" || strings.ContainsAny(token, "\r\n") {
		return "", usagef("--%s: %s has to hold one line, the token", flag, name)
	}
	return token, nil
}
