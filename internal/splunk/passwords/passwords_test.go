package passwords_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kubeanon/kubeanon/internal/splunk/passwords"
)

// TestGet: what splunkd keeps is a secret of one line or an error, never an empty
// text, which a receiver would take for "none is needed".
func TestGet(t *testing.T) {
	const separator = "``splunk_cred_sep``"
	for _, tc := range []struct {
		name   string
		stored map[string]string // by user
		want   string
		err    string
	}{
		{"plain", map[string]string{"hook": "s3cret"}, "s3cret", ""},
		{"from a file", map[string]string{"hook": "s3cret\r\n"}, "s3cret", ""},
		{"in pieces", map[string]string{"hook" + separator + "1": "s3c", "hook" + separator + "2": "ret\n", "hook" + separator + "3": separator + "end"}, "s3cret", ""},
		{"absent", map[string]string{"other": "x"}, "", `there is no credential "hook"`},
		{"empty", map[string]string{"hook": ""}, "", `the credential "hook" is empty`},
		{"blank", map[string]string{"hook": " \t\n"}, "", `the credential "hook" is empty`},
		{"empty pieces", map[string]string{"hook" + separator + "1": ""}, "", `the credential "hook" is empty`},
		{"two lines", map[string]string{"hook": "a\nb"}, "", `the credential "hook" has several lines`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			splunkd := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Splunk key" {
					t.Errorf("authorization %q", r.Header.Get("Authorization"))
				}
				entries := []map[string]any{}
				for user, text := range tc.stored {
					entries = append(entries, map[string]any{"content": map[string]string{"username": user, "clear_password": text}})
				}
				_ = json.NewEncoder(w).Encode(map[string]any{"entry": entries})
			}))
			defer splunkd.Close()
			got, err := passwords.Store{URI: splunkd.URL, SessionKey: "key", App: "kubeanon"}.Get(t.Context(), "hook")
			if got != tc.want || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%q, %v; want %q, %q", got, err, tc.want, tc.err)
			}
		})
	}
}
