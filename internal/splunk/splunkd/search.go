package splunkd

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
)

// Search runs the search face of a program, called as argv0, over rows: with the
// options of one search, in chunks of so many rows, as splunkd does.
func Search(ctx context.Context, path, argv0, opts string, columns []string, input []Row, chunk int) (found []Row, err error) {
	cmd := exec.CommandContext(ctx, path, "search")
	cmd.Args[0] = argv0
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the search command: %w", err)
	}
	defer func() {
		if err != nil {
			_ = cmd.Process.Kill() // the first error is the one that counts
			_ = cmd.Wait()
			return
		}
		err = cmd.Wait()
	}()
	player := New(stdin, stdout)
	args, _ := Split(opts)
	reply, err := player.Getinfo(args)
	if err != nil {
		return nil, err
	}
	if reply.Error != "" {
		return nil, fmt.Errorf("the search command refused: %s", reply.Error)
	}
	for rows := range slices.Chunk(input, chunk) {
		out, _, err := player.Execute(columns, rows, false)
		if err != nil {
			return nil, err
		}
		found = append(found, out...)
	}
	if _, _, err = player.Execute(columns, nil, true); err != nil {
		return nil, err
	}
	return found, player.Close()
}
