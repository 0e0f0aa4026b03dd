package cli

import (
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"github.com/kubeanon/kubeanon/internal/version"
)

func versionCommand(std stdio) *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "print the version",
		Description: "Examples:\n   kubeanon version\n   kubeanon version --json    # with Go, the platform and all that is linked in",
		Flags:       []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "print JSON, with how it was built"}},
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return usageError("version takes no arguments")
			}
			if !c.Bool("json") {
				_, err := fmt.Fprintln(std.Out, "kubeanon", version.Version)
				return err
			}
			type module struct {
				Path    string `json:"path"`
				Version string `json:"version"`
			}
			build := struct {
				Version  string   `json:"version"`
				Go       string   `json:"go"`
				Platform string   `json:"platform"`
				Modules  []module `json:"modules"`
			}{version.Version, runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, []module{}}
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, dep := range info.Deps {
					build.Modules = append(build.Modules, module{dep.Path, dep.Version})
				}
			}
			out := json.NewEncoder(std.Out)
			out.SetIndent("", "  ")
			return out.Encode(build)
		},
	}
}
