// Command pack makes what a release consists of besides the binary, with the
// same bytes on every system:
//
//	pack app FOLDER FILE SECONDS        the .spl package of an app's folder; SECONDS is the time of its files
//	pack sbom BINARY NAME VERSION FILE  the CycloneDX list of the modules in a binary
//	pack sums FOLDER                    SHA256SUMS of the packages and lists in a folder
//
// It exists because tar, gzip, sed and sha256sum differ between Linux and macOS.
package main

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 4 && args[0] == "app":
		seconds, err := strconv.ParseInt(args[3], 10, 64)
		if err != nil {
			return fmt.Errorf("app: %q is not a time in seconds", args[3])
		}
		return writeFile(args[2], func(w io.Writer) error { return packApp(w, args[1], time.Unix(seconds, 0)) })
	case len(args) == 5 && args[0] == "sbom":
		return writeFile(args[4], func(w io.Writer) error { return writeSBOM(w, args[1], args[2], args[3]) })
	case len(args) == 2 && args[0] == "sums":
		return writeFile(filepath.Join(args[1], "SHA256SUMS"), func(w io.Writer) error { return writeSums(w, args[1]) })
	}
	return fmt.Errorf("%q: write app FOLDER FILE SECONDS, sbom BINARY NAME VERSION FILE or sums FOLDER", args)
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		_ = f.Close() // the other error says more
		return err
	}
	return f.Close()
}

// packApp writes the folder as gzip'd ustar: entries by name, owned by root, all
// of one time, and executable where the file is.
func packApp(w io.Writer, dir string, at time.Time) error {
	packed, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(packed)
	parent := filepath.Dir(filepath.Clean(dir))
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error { // in the order of names
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(parent, path)
		if err != nil {
			return err
		}
		header := &tar.Header{Format: tar.FormatUSTAR, Name: filepath.ToSlash(name), Typeflag: tar.TypeReg, Mode: 0o644, Size: info.Size(), ModTime: at}
		switch {
		case info.IsDir():
			header.Typeflag, header.Name, header.Mode, header.Size = tar.TypeDir, header.Name+"/", 0o755, 0
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s is neither a file nor a folder", path)
		case info.Mode()&0o100 != 0:
			header.Mode = 0o755
		}
		if err := archive.WriteHeader(header); err != nil || info.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(archive, f)
		return err
	})
	if err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return packed.Close()
}

// component is one of CycloneDX 1.6 (cyclonedx.org/docs/1.6/json).
type component struct {
	Type    string `json:"type"`
	Ref     string `json:"bom-ref"`
	Name    string `json:"name"`
	Version string `json:"version"`
	PURL    string `json:"purl,omitempty"`
}

// writeSBOM lists the modules that Go noted in a binary. Nothing in it depends
// on the day or the machine.
func writeSBOM(w io.Writer, binary, name, version string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("%s: %w", binary, err)
	}
	return encodeSBOM(w, info, name, version)
}

func encodeSBOM(w io.Writer, info *buildinfo.BuildInfo, name, version string) error {
	library := func(path, version string) component {
		purl := "pkg:golang/" + path + "@" + version
		return component{Type: "library", Ref: purl, Name: path, Version: version, PURL: purl}
	}
	bom := struct {
		Schema     string         `json:"$schema"`
		Format     string         `json:"bomFormat"`
		Spec       string         `json:"specVersion"`
		Version    int            `json:"version"`
		Metadata   map[string]any `json:"metadata"`
		Components []component    `json:"components"`
	}{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata:   map[string]any{"component": component{Type: "application", Ref: name, Name: name, Version: version}},
		Components: []component{library("std", info.GoVersion)},
	}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		bom.Components = append(bom.Components, library(m.Path, m.Version))
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(bom)
}

// writeSums writes the lines that "sha256sum -c" and "shasum -a 256 -c" take.
func writeSums(w io.Writer, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	n := 0
	for _, entry := range entries {
		if name := entry.Name(); strings.HasSuffix(name, ".spl") || strings.HasSuffix(name, ".cdx.json") {
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "%x  %s\n", sha256.Sum256(text), name)
			n++
		}
	}
	if n == 0 {
		return fmt.Errorf("%s holds no package", dir)
	}
	return nil
}
