package replay

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// stamps finds the times of an audit event and of what is wrapped around it: by
// the key, at any depth, also in JSON that stands in a string of JSON. A date of
// a container runtime begins its line.
var stamps = regexp.MustCompile(`(?:^|"(requestReceivedTimestamp|stageTimestamp|receiveTimestamp|@?timestamp|ingestionTime|eventTime|TimeGenerated|time)\\*"\s*:\s*\\*"?)` +
	`(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)|\d{13}\b|\d{10}(?:\.\d+)?\b)`)

// event is the key of the time by which Splunk orders events.
const event = "requestReceivedTimestamp"

// eventTime is when the event of a line happened; the zero value if no time
// stands in it.
func eventTime(line []byte) (at time.Time) {
	for _, m := range stamps.FindAllSubmatch(line, -1) {
		t, ok := parse(string(m[2]))
		if !ok {
			continue
		}
		if string(m[1]) == event {
			return t
		}
		if at.IsZero() {
			at = t
		}
	}
	return at
}

// rebase moves all times of a line by the same.
func rebase(line []byte, by time.Duration) []byte {
	if by == 0 {
		return line
	}
	var out []byte
	from := 0
	for _, m := range stamps.FindAllSubmatchIndex(line, -1) {
		text := string(line[m[4]:m[5]])
		if t, ok := parse(text); ok {
			out = append(append(out, line[from:m[4]]...), format(text, t.Add(by))...)
			from = m[5]
		}
	}
	return append(out, line[from:]...)
}

// parse reads a time in one of the forms that stamps finds.
func parse(text string) (t time.Time, ok bool) {
	if len(text) > 4 && text[4] == '-' {
		t, err := time.Parse(time.RFC3339Nano, strings.Replace(text, " ", "T", 1))
		return t, err == nil
	}
	whole, fraction, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return t, false
	}
	if len(whole) == 13 {
		return time.UnixMilli(n).UTC(), true
	}
	nanos, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	return time.Unix(n, nanos).UTC(), err == nil
}

// format writes a time in the form that another one had.
func format(like string, t time.Time) string {
	if len(like) > 4 && like[4] == '-' {
		layout := "2006-01-02" + like[10:11] + "15:04:05"
		if digits := strings.TrimRight(like[19:], "Z"); strings.HasPrefix(digits, ".") {
			if i := strings.IndexAny(digits, "+-"); i > 0 {
				digits = digits[:i]
			}
			layout += "." + strings.Repeat("0", len(digits)-1)
		}
		if strings.HasSuffix(like, "Z") {
			return t.UTC().Format(layout) + "Z"
		}
		return t.Format(layout + "-07:00")
	}
	whole, fraction, hasFraction := strings.Cut(like, ".")
	if len(whole) == 13 {
		return strconv.FormatInt(t.UnixMilli(), 10)
	}
	text := strconv.FormatInt(t.Unix(), 10)
	if hasFraction {
		text += t.Format("." + strings.Repeat("0", min(len(fraction), 9)))
	}
	return text
}
