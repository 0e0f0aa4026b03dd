// Command bench measures kubeanon against other tools on logs that it makes
// itself, and how its cost grows with the work:
//
//	./build.sh bench [-size MB] [-svg FILE]
//
// It prints tables in Markdown. Tools run in turn, so that what else the machine
// does falls on all of them, and ratios are those of the medians; figures in MB/s are those of the machine of the day. Nothing
// but kubeanon has to be installed: what is absent says so in its line.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/kubeanon/kubeanon/internal/splunk/splunkd"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// binary is what is measured; build.sh has built it.
const binary = "bin/kubeanon"

func run() error {
	dir := flag.String("dir", "build/bench", "where the data is kept")
	size := flag.Int64("size", 1000, "size of the log that the tools read, in MB")
	svg := flag.String("svg", "", "also measure how the cost grows, and draw it into this file")
	flag.Parse()
	fmt.Printf("%s, %d CPUs (%s), %s/%s\n\n", time.Now().Format(time.DateOnly), runtime.NumCPU(), processor(), runtime.GOOS, runtime.GOARCH)
	if err := scans(*dir, *size); err != nil {
		return err
	}
	if err := searches(*dir); err != nil {
		return err
	}
	if err := shares(*dir); err != nil {
		return err
	}
	if *svg == "" {
		return nil
	}
	return growth(*dir, *svg)
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // for the eye only
	for line := range strings.Lines(string(text)) {
		if name, ok := strings.CutPrefix(line, "model name\t: "); ok {
			return strings.TrimSpace(name)
		}
	}
	return "processor unknown"
}

// ours is a scan by kubeanon.
func ours(name string, want int, args ...string) *tool {
	argv := append([]string{binary, "scan", "--no-progress", "--format", "ndjson"}, args...)
	return &tool{name: name, argv: argv, rounds: 9, counts: ids(want)}
}

// scans measures the scan of one log.
func scans(dir string, mb int64) error {
	path := filepath.Join(dir, fmt.Sprintf("log-%dmb.ndjson", mb))
	s, err := newSource(1)
	if err != nil {
		return err
	}
	if err := s.file(path, mb*1_000_000, mix{hits: 0.01}); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	one := ours("**kubeanon scan, 1 job**", s.want, "--jobs", "1", path)
	grep := (&tool{name: "grep -c -F (one name)", argv: []string{"grep", "-c", "-F", "system:anonymous", path}, rounds: 9, counts: number(s.want)}).lookup()
	tools := []*tool{
		{name: "cat (the limit)", argv: []string{"cat", path}, rounds: 9},
		one,
		ours("**kubeanon scan, all jobs**", s.want, path),
		grep,
		(&tool{name: "grep -c -F (both names)", argv: []string{"grep", "-c", "-F", "-e", "system:anonymous", "-e", "system:unauthenticated", path}, rounds: 5, counts: number(s.want)}).lookup(),
		(&tool{name: "ripgrep -c -F (one name)", argv: []string{"rg", "-c", "-F", "system:anonymous", path}, rounds: 9, counts: number(s.want)}).lookup(),
		duck(dir, path, "1"), duck(dir, path, "2"),
		(&tool{name: "Python, json.loads", argv: []string{"python3", "-c", pythonScan, path}, rounds: 3}).lookup(),
		(&tool{name: "jq", argv: []string{"jq", "-r", jqProgram, path}, rounds: 3}).lookup(),
	}
	for _, t := range tools[6:] {
		t.counts = ids(s.want)
	}
	// cat takes no pipe: it would measure that.
	tools[0].argv = []string{"sh", "-c", "cat '" + path + "' >/dev/null"}
	fmt.Printf("A log of %d MB, %d events, %d of them anonymous:\n\n", info.Size()/1_000_000, s.written, s.want)
	if err := race(tools); err != nil {
		return err
	}
	table(tools, one, float64(info.Size()), s.want)

	all := filepath.Join(dir, "log-hits.ndjson")
	s, err = newSource(2)
	if err != nil {
		return err
	}
	const size = 300_000_000
	if err := s.file(all, size, mix{hits: 1}); err != nil {
		return err
	}
	tools = []*tool{ours("kubeanon scan, 1 job", s.want, "--jobs", "1", all), ours("kubeanon scan, all jobs", s.want, all)}
	for _, t := range tools {
		t.rounds, t.null = 5, true
	}
	fmt.Printf("A log of %d MB in which every event is anonymous (%d), every field written as ndjson:\n\n", size/1_000_000, s.want)
	if err := race(tools); err != nil {
		return err
	}
	table(tools, tools[0], size, s.want)
	return nil
}

// searches measures the search command as splunkd runs it.
func searches(dir string) error {
	s, err := newSource(3)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, "stream.chunked")
	if err := s.chunks(path, 8, chunkRows, mix{hits: 0.01}); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	ours := &tool{name: "**kubeanon search**", argv: []string{binary, "search"}, stdin: path, rounds: 9, counts: func(out io.Reader) (int, bool, error) {
		text, err := io.ReadAll(out)
		n := bytes.Count(text, []byte(hitID))
		// The ID stands in the raw text and in its own field.
		return n / 2, n == 2*s.want, err
	}}
	tools := []*tool{
		ours,
		{name: "cat (the pipe alone)", argv: []string{"sh", "-c", "cat >/dev/null"}, stdin: path, rounds: 9},
		(&tool{name: "Python, csv and json", argv: []string{"python3", "-c", pythonSearch}, stdin: path, rounds: 3, counts: number(s.want)}).lookup(),
	}
	fmt.Printf("The search command, %d rows in chunks of 50,000 through a pipe (%d MB), %d anonymous:\n\n", s.written, info.Size()/1_000_000, s.want)
	if err := race(tools); err != nil {
		return err
	}
	table(tools, ours, float64(info.Size()), s.want)

	getinfo := filepath.Join(dir, "getinfo.chunked")
	if err := os.WriteFile(getinfo, splunkd.EncodeChunk(splunkd.Getinfo(nil), nil), 0o644); err != nil {
		return err
	}
	starts := []*tool{
		{name: "**kubeanon search**", argv: []string{binary, "search"}, stdin: getinfo, rounds: 31},
		{name: "true (the limit)", argv: []string{"true"}, stdin: getinfo, rounds: 31},
		(&tool{name: "Python, csv and json imported", argv: []string{"python3", "-c", "import csv, json"}, stdin: getinfo, rounds: 31}).lookup(),
	}
	if err := race(starts); err != nil {
		return err
	}
	fmt.Printf("From the start of the process to its end, with one getinfo answered (medians of %d):\n\n", starts[0].rounds)
	fmt.Print("| tool | ms | ms of a core | times as long |\n|---|--:|--:|--:|\n")
	for _, t := range starts {
		if t.absent != "" {
			fmt.Printf("| %s | not measured: %s | | |\n", t.name, t.absent)
			continue
		}
		fmt.Printf("| %s | %.1f | %.1f | %.2f |\n", t.name, median(t.seconds)*1000, median(t.cpu)*1000, t.ratio(starts[0]))
	}
	fmt.Println()
	return nil
}

// shares measures what the search command takes by the share of hits, in time
// of the processor: what a search costs an indexer, whatever else that does.
func shares(dir string) error {
	type share struct {
		hits         float64
		chunks, size int
		bytes        int64
		*tool
	}
	// A search over events was seen to come in chunks of about 6,000 rows; a
	// reply is as large as the hits of one.
	all := []*share{{chunks: 8, size: chunkRows}, {hits: 0.01, chunks: 8, size: chunkRows}, {hits: 1, chunks: 8, size: 6000}, {hits: 1, chunks: 1, size: chunkRows}}
	var tools []*tool
	for _, a := range all {
		s, err := newSource(3)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, fmt.Sprintf("stream-%g-%d.chunked", a.hits, a.size))
		if err := s.chunks(path, a.chunks, a.size, mix{hits: a.hits}); err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		a.bytes = info.Size()
		a.tool = &tool{name: "search", argv: []string{binary, "search"}, stdin: path, rounds: 7}
		tools = append(tools, a.tool)
	}
	if err := race(tools); err != nil {
		return err
	}
	fmt.Print("The search command by the share of hits, in time of the processor, with what it takes to read and write the pipes:\n\n")
	fmt.Println("| hits | rows | in chunks of | seconds of a core | rows a second and core | MB a second and core | peak MB |")
	fmt.Println("|--:|--:|--:|--:|--:|--:|--:|")
	for _, a := range all {
		rows, cpu := float64(a.chunks*a.size), median(a.cpu)
		fmt.Printf("| %g %% | %.0f | %d | %.3f | %.0f | %.0f | %.0f |\n", a.hits*100, rows, a.size, cpu, rows/cpu, float64(a.bytes)/1e6/cpu, float64(a.memory)/1e6)
	}
	fmt.Println()
	return nil
}

func table(tools []*tool, base *tool, size float64, want int) {
	fmt.Println("| tool | seconds | MB/s | times as long | peak MB | hits |")
	fmt.Println("|---|--:|--:|--:|--:|---|")
	for _, t := range tools {
		if t.absent != "" {
			fmt.Printf("| %s | not measured: %s | | | | |\n", t.name, t.absent)
			continue
		}
		hits := "-"
		switch {
		case t.counts != nil && t.exact:
			hits = fmt.Sprintf("%d, exact", t.hits)
		case t.counts != nil:
			hits = fmt.Sprintf("%d, wrong (%d)", t.hits, want)
		}
		fmt.Printf("| %s | %.3f | %.0f | %.2f | %.0f | %s |\n", t.name, median(t.seconds), size/1e6/median(t.seconds), t.ratio(base), float64(t.memory)/1e6, hits)
	}
	fmt.Println()
}
