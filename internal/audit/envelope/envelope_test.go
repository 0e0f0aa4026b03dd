package envelope_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeanon/kubeanon/internal/audit"
	"github.com/kubeanon/kubeanon/internal/audit/envelope"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// describe unwraps a text and tells what came of it, a line each.
func describe(text []byte) string {
	var b strings.Builder
	var u envelope.Unwrapper
	err := u.Unwrap(text, func(f envelope.Found) {
		ev := f.Event
		fmt.Fprintf(&b, "%s cluster=%q user=%q groups=%q id=%q %s %s object=%s/%s/%s/%s.%s code=%s decision=%s ips=%q agent=%q time=%s",
			f.Format, f.Cluster, ev.User.Username, ev.User.Groups, ev.AuditID, ev.Verb, ev.RequestURI,
			ev.ObjectRef.Resource, ev.ObjectRef.Namespace, ev.ObjectRef.Name, ev.ObjectRef.Subresource, ev.ObjectRef.APIGroup,
			ev.ResponseStatus.Code, ev.Annotations.Decision, ev.SourceIPs, ev.UserAgent, ev.RequestReceivedTimestamp)
		for flag, set := range map[string]bool{" partial": ev.Partial, " tampered": ev.Tampered} {
			if set {
				b.WriteString(flag)
			}
		}
		b.WriteByte('\n')
	})
	if err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	return b.String()
}

// TestFormats: a folder for each format, with examples; want.golden tells what
// comes of them.
func TestFormats(t *testing.T) {
	folders, err := filepath.Glob("testdata/*/want.golden")
	if *update {
		folders, err = filepath.Glob("testdata/*")
	}
	if err != nil || len(folders) < 20 {
		t.Fatalf("%d folders, %v", len(folders), err)
	}
	for _, folder := range folders {
		folder = strings.TrimSuffix(folder, "/want.golden")
		if folder == "testdata/fuzz" {
			continue
		}
		t.Run(filepath.Base(folder), func(t *testing.T) {
			files, err := filepath.Glob(folder + "/*.[jt]*")
			if err != nil || len(files) == 0 {
				t.Fatal(files, err)
			}
			var got strings.Builder
			for _, file := range files {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(&got, "== %s\n%s", filepath.Base(file), describe(text))
			}
			golden := filepath.Join(folder, "want.golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// TestFormatsAreKnown: every wrapper has a folder of examples, and stands in the
// table of README.md; records of another kind stand in the text below it.
func TestFormatsAreKnown(t *testing.T) {
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(readme), "\n## Formats\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, name := range envelope.OtherNames() {
		if _, err := os.Stat(filepath.Join("testdata", name, "want.golden")); err != nil || !strings.Contains(strings.ToLower(table), name) {
			t.Errorf("%s: a kind of record needs examples, and README.md has to name it: %v", name, err)
		}
	}
	for _, name := range append(envelope.FormatNames(), envelope.FormatWrapped, "csv") {
		if _, err := os.Stat(filepath.Join("testdata", name, "want.golden")); err != nil {
			t.Errorf("%s: a format needs examples: %v", name, err)
		}
		if !strings.Contains(table, "`"+name+"`") {
			t.Errorf("%s: README.md does not name it under Formats", name)
		}
	}
}

const event = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","user":{"username":"system:anonymous"}}`

func unwrap(text []byte) (events int, err error) {
	var u envelope.Unwrapper
	err = u.Unwrap(text, func(envelope.Found) { events++ })
	return events, err
}

func pack(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(text)
	w.Close()
	return b.Bytes()
}

// TestLimits: what goes beyond the limits ends with that error, in bounded
// time and memory, and what was found before it counts.
func TestLimits(t *testing.T) {
	zeros := bytes.Repeat([]byte{' '}, envelope.MaxUnpacked+(1<<20))
	bomb := []byte(`{"awslogs":{"data":"` + base64.StdEncoding.EncodeToString(pack(zeros)) + `"}}`)
	nested := event
	for range 17 {
		s, _ := json.Marshal(nested)
		nested = `{"event":` + string(s) + `}`
	}
	for name, tc := range map[string]struct {
		text   []byte
		events int
	}{
		"gzip bomb":       {bomb, 0},
		"bomb in a bomb":  {pack(pack(pack(bomb))), 0},
		"too deep":        {[]byte(nested), 0},
		"too many events": {[]byte("[" + strings.Repeat(event+",", 10_005) + event + "]"), 10_000},
		"deep arrays":     {[]byte(strings.Repeat("[", 100_000)), 0},
	} {
		events, err := unwrap(tc.text)
		if !errors.Is(err, envelope.ErrLimit) || events != tc.events {
			t.Errorf("%s: %d events, %v", name, events, err)
		}
	}
}

// TestCutAnywhere cuts wrapped events at every byte. What can no longer be
// told is an error, whatever the wrapper is; nothing is lost in silence.
func TestCutAnywhere(t *testing.T) {
	for _, name := range []string{"audit/plain.json", "hec/string.json", "aks/record.json", "cloudwatch/subscription.json", "eventlist/webhook.json", "otel/record.json", "docker/line.json", "array/two.json", "eventhub/records.json", "cri/line.txt"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := unwrap(text)
		if err != nil || whole == 0 {
			t.Fatalf("%s: %d, %v", name, whole, err)
		}
		begin := bytes.IndexByte(text, '{') + 1
		for n := begin; n < len(text)-2; n++ {
			if events, err := unwrap(text[:n]); events < whole && !errors.Is(err, audit.ErrCut) {
				t.Fatalf("%s cut at %d: %d of %d events, %v\n%s", name, n, events, whole, err, text[:n])
			}
		}
	}
}

// FuzzUnwrap: any text ends, and whatever is found is an event.
func FuzzUnwrap(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.[jt]*")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		if strings.Contains(file, "fuzz") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 1<<16 {
			return
		}
		events, err := unwrap(text)
		if events == 0 && err == nil {
			t.Fatal("nothing found and no reason")
		}
	})
}

// TestGravestReason: a record of another kind does not hide that something
// beside it was cut.
func TestGravestReason(t *testing.T) {
	alert, err := os.ReadFile("testdata/falco/alert.json")
	if err != nil {
		t.Fatal(err)
	}
	text := string(alert) + "\n" + event + "\n" + event[:60]
	if events, err := unwrap([]byte(text)); events != 1 || !errors.Is(err, audit.ErrCut) {
		t.Errorf("%d events, %v", events, err)
	}
}
