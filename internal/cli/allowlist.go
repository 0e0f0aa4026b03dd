package cli

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/detect/allowlist"
	"github.com/kubeanon/kubeanon/internal/judge"
)

// allowed counts what an allowlist leaves out.
type allowed struct {
	list allowlist.List
	day  time.Time

	mu    sync.Mutex
	total int
	by    map[string]*left // by the name of the entry
}

// left is what one entry left out.
type left struct {
	n     int
	first string // the message of the first one
}

// openAllowlist reads the file of --allowlist; nil without one.
func openAllowlist(c *cli.Context) (*allowed, error) {
	name := c.String("allowlist")
	if name == "" {
		if c.Bool("explain-suppressed") {
			return nil, usageError("--explain-suppressed needs --allowlist FILE")
		}
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, usagef("--allowlist: %v", err)
	}
	defer f.Close() // only read
	list, err := allowlist.Load(f)
	if err != nil {
		return nil, usagef("%s: %v", name, err)
	}
	return &allowed{list: list, day: time.Now(), by: map[string]*left{}}, nil
}

// suppress reports whether a finding is left out. It may be called at the same
// time by several goroutines.
func (a *allowed) suppress(f *detect.Finding) bool {
	e := a.list.Match(f, a.day)
	if e == nil || !f.Verdict.Hit {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.total++
	if a.by[e.Name] == nil {
		a.by[e.Name] = &left{first: f.Verdict.Message}
	}
	a.by[e.Name].n++
	return true
}

// report says what was left out, and with explain by which entry.
func (a *allowed) report(w io.Writer, explain bool) {
	if a == nil || a.total == 0 && !explain {
		return
	}
	hint := ""
	if !explain {
		hint = " (--explain-suppressed names the entries)"
	}
	note(w, "%d findings left out by the allowlist%s", a.total, hint)
	if !explain {
		return
	}
	today := a.day.Format(time.DateOnly)
	for i := range a.list {
		e := &a.list[i]
		switch l := a.by[e.Name]; {
		case l != nil:
			note(w, "  %s: %d, such as %q (%s; owner %s, expires %s)", judge.Clean(e.Name), l.n, l.first, judge.Clean(e.Reason), judge.Clean(e.Owner), e.Expires)
		case e.Expires < today:
			note(w, "  %s: expired on %s", judge.Clean(e.Name), e.Expires)
		default:
			note(w, "  %s: nothing", judge.Clean(e.Name))
		}
	}
}
