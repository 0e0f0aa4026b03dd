package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// app lays out a small app in the given order of files.
func app(t *testing.T, names ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "kubeanon")
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		mode := os.FileMode(0o600)
		if strings.HasPrefix(name, "bin/") {
			mode = 0o700
		}
		if err := os.WriteFile(path, []byte(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestApp: the same files give the same bytes, whatever their order, age and
// owner; only the executable bit is taken from the disk.
func TestApp(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	var first, second bytes.Buffer
	if err := packApp(&first, app(t, "default/app.conf", "bin/kubeanon"), at); err != nil {
		t.Fatal(err)
	}
	if err := packApp(&second, app(t, "bin/kubeanon", "default/app.conf"), at); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two packages of the same files differ")
	}
	unpacked, err := gzip.NewReader(&first)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for archive := tar.NewReader(unpacked); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || !h.ModTime.Equal(at) {
			t.Errorf("%s: owner %d:%d %q, time %v", h.Name, h.Uid, h.Gid, h.Uname, h.ModTime)
		}
		got = append(got, h.FileInfo().Mode().String()+" "+h.Name)
	}
	want := []string{"drwxr-xr-x kubeanon/", "drwxr-xr-x kubeanon/bin/", "-rwxr-xr-x kubeanon/bin/kubeanon", "drwxr-xr-x kubeanon/default/", "-rw-r--r-- kubeanon/default/app.conf"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestSBOM: every module is listed, a replaced one as what it was replaced by.
func TestSBOM(t *testing.T) {
	info := &buildinfo.BuildInfo{GoVersion: "go1.26.8", Deps: []*debug.Module{
		{Path: "example.com/a", Version: "v1.0.0"},
		{Path: "example.com/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.com/fork", Version: "v2.0.0"}},
	}}
	var out bytes.Buffer
	if err := encodeSBOM(&out, info, `kube"anon`, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	var bom struct {
		BOMFormat  string
		Metadata   struct{ Component component }
		Components []component
	}
	if err := json.Unmarshal(out.Bytes(), &bom); err != nil {
		t.Fatal(err)
	}
	if bom.BOMFormat != "CycloneDX" || bom.Metadata.Component.Name != `kube"anon` || bom.Metadata.Component.Version != "1.2.3" {
		t.Errorf("%+v", bom)
	}
	var got []string
	for _, c := range bom.Components {
		got = append(got, c.PURL)
	}
	want := []string{"pkg:golang/std@go1.26.8", "pkg:golang/example.com/a@v1.0.0", "pkg:golang/example.com/fork@v2.0.0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestSums: the lines are those of sha256sum, and an empty folder is an error.
func TestSums(t *testing.T) {
	dir := t.TempDir()
	if err := run([]string{"sums", dir}); err == nil {
		t.Error("an empty folder passes")
	}
	for name, text := range map[string]string{"b.spl": "b", "a.cdx.json": "", "README": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := run([]string{"sums", dir}); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	want := "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a.cdx.json\n" +
		"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d  b.spl\n"
	if err != nil || string(got) != want {
		t.Errorf("%v, got\n%s", err, got)
	}
	if err := run([]string{"sum"}); err == nil || !strings.Contains(err.Error(), "sums FOLDER") {
		t.Errorf("an unknown command: %v", err)
	}
}
