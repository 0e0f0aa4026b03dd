package replay

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubeanon/kubeanon/internal/logfile"
)

// Dataset is a file of events, one a line, and what Splunk is to be told of
// them. What is empty is left to the sink.
type Dataset struct {
	Path, Source, Sourcetype, Index, Host string
}

// Find lists the data sets of paths: log files, folders of them, "-", and files
// in YAML that name some.
func Find(paths []string) (all []Dataset, err error) {
	var errs []error
	for _, name := range paths {
		if ext := filepath.Ext(name); ext == ".yml" || ext == ".yaml" {
			sets, err := load(name)
			all, errs = append(all, sets...), append(errs, err)
			continue
		}
		if name == logfile.Stdin {
			all = append(all, Dataset{Path: name, Source: "stdin"})
			continue
		}
		files, err := logfile.List(name)
		errs = append(errs, err)
		for _, file := range files {
			all = append(all, Dataset{Path: file, Source: filepath.ToSlash(file)})
		}
	}
	return all, errors.Join(errs...)
}

// index is a file in YAML in one of the forms of Splunk's attack_data: data sets
// with their parameters, as its bin/dataset_schema.json has them and, with
// replay_parameters, its former bin/replay.yml; or a list of addresses with a
// list of sourcetypes.
type index struct {
	Datasets []struct {
		Name, Path, Source, Sourcetype, Index, Host string

		Parameters struct{ Source, Sourcetype, Index, Host string } `yaml:"replay_parameters"`
		Enabled    *bool
	}
	Dataset     []string
	Sourcetypes []string
}

// load reads a file in YAML. A data set whose file is not there is an error
// beside those that are.
func load(name string) (all []Dataset, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	text, err := io.ReadAll(io.LimitReader(f, maxIndex+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxIndex:
		return nil, fmt.Errorf("%s: more than %d bytes, which no list of data sets has", name, maxIndex)
	}
	var in index
	if err := yaml.Unmarshal(text, &in); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	for i, link := range in.Dataset {
		u, err := url.Parse(strings.TrimSpace(link))
		if err != nil {
			return nil, fmt.Errorf("%s: dataset %d: %w", name, i+1, err)
		}
		set := Dataset{Path: u.Path, Source: path.Base(u.Path)}
		// Only one sourcetype, or one for each, tells which is whose.
		switch len(in.Sourcetypes) {
		case 1:
			set.Sourcetype = strings.TrimSpace(in.Sourcetypes[0])
		case len(in.Dataset):
			set.Sourcetype = strings.TrimSpace(in.Sourcetypes[i])
		}
		all = append(all, set)
	}
	for i, set := range in.Datasets {
		if set.Enabled != nil && !*set.Enabled {
			continue
		}
		if set.Path == "" {
			return nil, fmt.Errorf("%s: data set %d has no path", name, i+1)
		}
		p := set.Parameters
		all = append(all, Dataset{
			Path: set.Path, Source: cmp.Or(set.Source, p.Source), Sourcetype: cmp.Or(set.Sourcetype, p.Sourcetype),
			Index: cmp.Or(set.Index, p.Index), Host: cmp.Or(set.Host, p.Host),
		})
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s names no data sets: neither \"datasets\" with paths nor \"dataset\" with addresses", name)
	}
	var errs []error
	found := all[:0]
	for _, set := range all {
		file, err := locate(filepath.Dir(name), set.Path)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
			continue
		}
		set.Path = file
		found = append(found, set)
	}
	return found, errors.Join(errs...)
}

// locate finds the file that a path in YAML means: beside the YAML file, or in
// the repository that it is part of. Paths begin at the root of that, addresses
// with the name of a server and more. Nothing else on the machine is meant: the
// file may come from somewhere, and what it names is sent away. Nor are hidden
// files, such as .git/config, or the keys of a person whose home is a repository.
func locate(dir, name string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	folders := []string{dir}
	for at := dir; at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, ".git")); err == nil {
			folders = append(folders, at)
			break
		}
	}
	parts := strings.Split(strings.Trim(filepath.ToSlash(name), "/"), "/")
	for _, folder := range folders {
		root, err := os.OpenRoot(folder)
		if err != nil {
			return "", err
		}
		defer func() { _ = root.Close() }() // only looked at
		for i := range parts {
			file := filepath.Join(parts[i:]...)
			if info, err := root.Stat(file); err == nil && info.Mode().IsRegular() && !hidden(folder, file) {
				return filepath.Join(folder, file), nil
			}
		}
	}
	return "", fmt.Errorf("%s is not on this machine, neither beside the file nor in its repository; fetch it first", name)
}

// hidden reports whether a file, or what it links to, is hidden below a folder.
func hidden(folder, file string) bool {
	top, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return true
	}
	target, err := filepath.EvalSymlinks(filepath.Join(folder, file))
	if err != nil {
		return true
	}
	below, err := filepath.Rel(top, target)
	return err != nil || slices.ContainsFunc(strings.Split(filepath.ToSlash(below), "/"), func(part string) bool {
		return strings.HasPrefix(part, ".")
	})
}
