package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// point is a measurement of one amount of work.
type point struct {
	label   string
	seconds float64 // median
	mb      float64 // of log
	memory  int64
}

// series is one way in which work grows.
type series struct {
	title, unit string
	points      []point
}

// growth measures how the cost of a scan grows, prints it and draws it.
func growth(dir, svg string) error {
	var all []series
	for _, measure := range []func(string) (series, error){bySize, byHits, byLine, byFiles} {
		s, err := measure(dir)
		if err != nil {
			return err
		}
		fmt.Printf("%s:\n\n| %s | seconds | MB/s | peak MB |\n|--:|--:|--:|--:|\n", s.title, s.unit)
		for _, p := range s.points {
			fmt.Printf("| %s | %.3f | %.0f | %.0f |\n", p.label, p.seconds, p.mb/p.seconds, float64(p.memory)/1e6)
		}
		fmt.Println()
		all = append(all, s)
	}
	return os.WriteFile(svg, draw(all), 0o644)
}

// scanned measures one scan.
func scanned(label string, want int, paths ...string) (p point, err error) {
	t := ours(label, want, paths...)
	t.rounds = 5
	if err := race([]*tool{t}); err != nil {
		return p, err
	}
	if !t.exact {
		return p, fmt.Errorf("%s: %d hits, not the %d that are there", label, t.hits, want)
	}
	for _, path := range paths {
		err := filepath.WalkDir(path, func(_ string, entry os.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && filepath.Ext(entry.Name()) == ".ndjson" {
				info, ierr := entry.Info()
				if ierr != nil {
					return ierr
				}
				p.mb += float64(info.Size()) / 1e6
			}
			return err
		})
		if err != nil {
			return p, err
		}
	}
	p.label, p.seconds, p.memory = label, median(t.seconds), t.memory
	return p, nil
}

// log makes a log and measures its scan.
func log(dir, label string, size int64, m mix) (point, error) {
	s, err := newSource(4)
	if err != nil {
		return point{}, err
	}
	path := filepath.Join(dir, fmt.Sprintf("growth-%d-%g-%d.ndjson", size, m.hits, m.line))
	if err := s.file(path, size, m); err != nil {
		return point{}, err
	}
	p, err := scanned(label, s.want, path)
	return p, errors.Join(err, os.Remove(path), os.Remove(path+".truth")) // the next one may need the room
}

func bySize(dir string) (series, error) {
	s := series{title: "As the log grows (1 % anonymous)", unit: "MB"}
	for _, mb := range []int64{10, 100, 1000, 10_000} {
		p, err := log(dir, strconv.FormatInt(mb, 10), mb*1_000_000, mix{hits: 0.01})
		if err != nil {
			return s, err
		}
		s.points = append(s.points, p)
	}
	return s, nil
}

func byHits(dir string) (series, error) {
	s := series{title: "As more of it is anonymous (300 MB)", unit: "% of events"}
	for _, percent := range []float64{0, 0.01, 0.1, 1, 10, 50, 100} {
		p, err := log(dir, fmt.Sprintf("%g", percent), 300_000_000, mix{hits: percent / 100})
		if err != nil {
			return s, err
		}
		s.points = append(s.points, p)
	}
	return s, nil
}

func byLine(dir string) (series, error) {
	s := series{title: "As lines grow (300 MB, no hits)", unit: "bytes a line"}
	for _, length := range []int{200, 2_000, 20_000, 200_000, 2_000_000, 50_000_000} {
		p, err := log(dir, strconv.Itoa(length), 300_000_000, mix{line: length})
		if err != nil {
			return s, err
		}
		s.points = append(s.points, p)
	}
	return s, nil
}

// byFiles spreads the same amount over more and more files.
func byFiles(dir string) (series, error) {
	s := series{title: "As it comes in more files (300 MB, 1 % anonymous)", unit: "files"}
	for _, n := range []int{1, 10, 100, 1000, 10_000} {
		src, err := newSource(5)
		if err != nil {
			return s, err
		}
		folder := filepath.Join(dir, "files")
		for i := range n {
			path := filepath.Join(folder, fmt.Sprintf("%05d.ndjson", i))
			if err := src.file(path, int64(300_000_000/n), mix{hits: 0.01}); err != nil {
				return s, err
			}
			if err := os.Remove(path + ".truth"); err != nil { // it would be scanned, too
				return s, err
			}
		}
		p, err := scanned(strconv.Itoa(n), src.want, folder)
		if err = errors.Join(err, os.RemoveAll(folder)); err != nil {
			return s, err
		}
		s.points = append(s.points, p)
	}
	return s, nil
}
