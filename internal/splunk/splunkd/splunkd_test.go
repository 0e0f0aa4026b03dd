package splunkd

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestViolations shows that the player sees what it is there to see.
func TestViolations(t *testing.T) {
	for name, metadata := range map[string]string{
		"no JSON":         `{`,
		"two values":      `{"finished":true}{}`,
		"unknown key":     `{"finished":true,"partial":true}`,
		"no finished":     `{}`,
		"bad level":       `{"finished":true,"inspector":{"messages":[["warn","x"]]}}`,
		"no pair":         `{"finished":true,"inspector":{"messages":[["WARN"]]}}`,
		"keys of getinfo": `{"finished":true,"type":"streaming"}`,
		"no UTF-8":        "{\"finished\":true,\"error\":\"\xff\"}",
	} {
		if _, _, err := checkMetadata([]byte(metadata), false); err == nil {
			t.Errorf("%s: not seen", name)
		}
	}
	for name, metadata := range map[string]string{
		"no type":  `{}`,
		"bad type": `{"type":"eventing"}`,
		"messages": `{"type":"streaming","inspector":{"messages":[["ERROR","x"]]}}`,
	} {
		if _, _, err := checkMetadata([]byte(metadata), true); err == nil {
			t.Errorf("getinfo, %s: not seen", name)
		}
	}
	for name, body := range map[string]string{
		"no end":          "a\n1",
		"no end, quoted":  "a\n\"1\"",
		"open quote":      "a\n\"1\n",
		"quote inside":    "a\n1\"\n",
		"text behind":     "a\n\"1\"2\n",
		"CRLF":            "a\r\n1\r\n",
		"ragged":          "a,b\n1\n",
		"column twice":    "a,a\n1,2\n",
		"no name":         "a,\n1,2\n",
		"NUL":             "a\n\x00\n",
		"byte order mark": "\ufeffa\n1\n",
		"no UTF-8":        "a\n\xff\n",
		"lone twin":       "__mv_a\n1\n",
		"bad twin":        "a,__mv_a\nx,\"$x\"\n",
		"twin disagrees":  "a,__mv_a\nx,\"$y$;$z$\"\n",
	} {
		if _, err := checkBody([]byte(body)); err == nil {
			t.Errorf("%s: not seen", name)
		}
	}
}

func TestEncode(t *testing.T) {
	rows := []Row{{"_time": {"1.5"}, "a": {"x", "$", "y;z"}}, {"a": {`q"q`}}}
	want := "\"_time\",a,\"__mv__time\",\"__mv_a\"\n\"1.5\",\"x\n$\ny;z\",,\"$x$;$$$$;$y;z$\"\n,\"q\"\"q\",,\n"
	body := EncodeBody([]string{"_time", "a"}, rows)
	if diff := cmp.Diff(want, string(body)); diff != "" {
		t.Error(diff)
	}
	back, err := checkBody(body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rows, back); diff != "" {
		t.Error(diff)
	}
}

func TestSplit(t *testing.T) {
	args, raw := Split(`match=any include="a,b" include=c,d "x y"`)
	if diff := cmp.Diff([]string{"match=any", "include=a,b", "include=c", "d", "x y"}, args); diff != "" {
		t.Error(diff)
	}
	if got := strings.Join(raw, "|"); got != `match=any|include="a,b"|include=c|d|"x y"` {
		t.Error(got)
	}
}
