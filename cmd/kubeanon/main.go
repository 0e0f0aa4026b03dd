// Kubeanon finds requests that reached a Kubernetes API server without a name.
package main

import (
	"os"

	"github.com/kubeanon/kubeanon/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) }
