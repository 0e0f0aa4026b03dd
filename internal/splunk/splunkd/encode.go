package splunkd

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// Row is a row: for each column its values. One element is a plain value, none
// is an absent field.
type Row = map[string][]string

var bare = regexp.MustCompile(`^[A-Za-z0-9]*$`)

// cell writes a value as splunkd does.
func cell(s string) string {
	if bare.MatchString(s) {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// EncodeBody writes rows as splunkd does: all columns, then a twin __mv_ for
// each, rows that end with LF.
func EncodeBody(columns []string, rows []Row) []byte {
	var b strings.Builder
	line := func(main, twin func(column string) string) {
		for i, c := range columns {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(cell(main(c)))
		}
		for _, c := range columns {
			b.WriteByte(',')
			b.WriteString(cell(twin(c)))
		}
		b.WriteByte('\n')
	}
	line(func(c string) string { return c }, func(c string) string { return "__mv_" + c })
	for _, row := range rows {
		line(func(c string) string { return strings.Join(row[c], "\n") }, func(c string) string {
			if len(row[c]) < 2 {
				return ""
			}
			var values []string
			for _, v := range row[c] {
				values = append(values, "$"+strings.ReplaceAll(v, "$", "$$")+"$")
			}
			return strings.Join(values, ";")
		})
	}
	return []byte(b.String())
}

// EncodeChunk writes a frame.
func EncodeChunk(metadata string, body []byte) []byte {
	return append(fmt.Appendf(nil, "chunked 1.0,%d,%d\n%s", len(metadata), len(body), metadata), body...)
}

// Execute is the metadata of an execute request, byte for byte.
func Execute(finished bool) string {
	return fmt.Sprintf(`{"action":"execute","finished":%t}`, finished)
}

// Getinfo is the metadata of a getinfo request of splunkd 9.
func Getinfo(args []string) string {
	if args == nil {
		args = []string{}
	}
	info := map[string]any{
		"action": "getinfo", "preview": false, "streaming_command_will_restart": false,
		"searchinfo": map[string]any{
			"args": args, "raw_args": args, "dispatch_dir": "/opt/splunk/var/run/splunk/dispatch/1795000000.1", "sid": "1795000000.1",
			"app": "search", "owner": "admin", "username": "admin", "session_key": "not a real key", "splunkd_uri": "https://127.0.0.1:8089",
			"splunk_version": "9.4.6", "search": "search%20%60kube_audit%60%20%7C%20kubeanon", "command": "kubeanon",
			"maxresultrows": 50000, "earliest_time": "0", "latest_time": "0",
		},
	}
	text, err := json.Marshal(info)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return string(text)
}

// Split cuts the options of a search command the way splunkd does: blanks and
// commas separate, quotes hold together and go away in args.
func Split(spl string) (args, rawArgs []string) {
	var raw strings.Builder
	quoted := false
	end := func() {
		if raw.Len() > 0 {
			rawArgs = append(rawArgs, raw.String())
			raw.Reset()
		}
	}
	for _, r := range spl {
		switch {
		case r == '"':
			quoted = !quoted
			raw.WriteRune(r)
		case !quoted && strings.ContainsRune(" \t\n,", r):
			end()
		default:
			raw.WriteRune(r)
		}
	}
	end()
	for _, r := range rawArgs {
		args = append(args, strings.ReplaceAll(r, `"`, ""))
	}
	return args, rawArgs
}
