package export_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/kubeanon/kubeanon/internal/splunk/export"
	"github.com/kubeanon/kubeanon/internal/testing/fakerest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, fake *fakerest.Server) *export.Server {
	t.Helper()
	fake.Token, fake.App = "s3cret", "kubeanon"
	server := httptest.NewTLSServer(fake)
	t.Cleanup(server.Close)
	return &export.Server{URL: server.URL + "/", Token: "s3cret", App: "kubeanon"}
}

func TestRun(t *testing.T) {
	fake := &fakerest.Server{Results: []map[string]any{
		{"_raw": "a", "user.groups{}": []string{"x", "y"}, "empty": ""},
		{"_raw": "b"},
	}}
	s := start(t, fake)
	var rows []export.Row
	err := s.Run(t.Context(), export.Search{Query: "index=k8s", Earliest: "-1d", Latest: "now"}, func(r export.Row) error {
		rows = append(rows, r)
		return nil
	})
	want := []export.Row{{"_raw": {"a"}, "user.groups{}": {"x", "y"}, "empty": {""}}, {"_raw": {"b"}}}
	if diff := cmp.Diff(want, rows); diff != "" || err != nil {
		t.Error(err, diff)
	}
	form := map[string]string{"search": "search index=k8s", "earliest_time": "-1d", "latest_time": "now", "output_mode": "json", "preview": "false"}
	if diff := cmp.Diff(form, fake.Search()); diff != "" {
		t.Error(diff)
	}
	if v, err := s.Version(t.Context()); v != "10.0.1" || err != nil {
		t.Error(v, err)
	}
}

// TestNone: a search without results is no error.
func TestNone(t *testing.T) {
	s := start(t, &fakerest.Server{})
	if err := s.Run(t.Context(), export.Search{Query: "| makeresults count=0"}, func(export.Row) error { return errors.New("a row") }); err != nil {
		t.Error(err)
	}
}

// TestErrors: one line that says what to do, without the token.
func TestErrors(t *testing.T) {
	some := []map[string]any{{"_raw": "a"}, {"_raw": "b"}, {"_raw": "c"}}
	for want, change := range map[string]func(*export.Server, *fakerest.Server){
		"401 Unauthorized: call not properly authenticated; is the token valid": func(s *export.Server, _ *fakerest.Server) { s.Token = "s3cret-old" },
		"404 Not Found: Not Found; is this the management port (8089)":          func(s *export.Server, _ *fakerest.Server) { s.App = "other" },
		"splunk says: Unknown macro":                                            func(_ *export.Server, f *fakerest.Server) { f.Fail = "Unknown macro" },
		"reading results: unexpected EOF":                                       func(_ *export.Server, f *fakerest.Server) { f.Results, f.Cut = some, 2 },
		"the results end before the search does":                                func(_ *export.Server, f *fakerest.Server) { f.Results, f.Cut, f.Short = some, 2, true },
		"is no address; write https://HOST:PORT":                                func(s *export.Server, _ *fakerest.Server) { s.URL = "splunk:8089" },
		"no such file or directory":                                             func(s *export.Server, _ *fakerest.Server) { s.CAFile = "/nowhere/ca.pem" },
		"certificate":                                                           func(s *export.Server, _ *fakerest.Server) { s.CAFile = "testdata/other.pem" },
	} {
		fake := &fakerest.Server{}
		s := start(t, fake)
		change(s, fake)
		err := s.Run(t.Context(), export.Search{Query: "x"}, func(export.Row) error { return nil })
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestLeave: who has seen enough ends the search.
func TestLeave(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	fake := &fakerest.Server{Results: []map[string]any{{"_raw": "a"}}, Hang: true}
	s := start(t, fake)
	stop := errors.New("enough")
	if err := s.Run(ctx, export.Search{Query: "x"}, func(export.Row) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	for !fake.Left() {
		if ctx.Err() != nil {
			t.Fatal("the search goes on, though its client is gone")
		}
		time.Sleep(time.Millisecond)
	}
}
