package command_test

import (
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubeanon/kubeanon/internal/demo"
	"github.com/kubeanon/kubeanon/internal/splunk/search"
	"github.com/kubeanon/kubeanon/internal/splunk/splunkd"
	"github.com/kubeanon/kubeanon/internal/testing/corpus"
)

// request is an execute request to one indexer's command, and what came back.
type request struct {
	rows     []splunkd.Row
	bare     bool // without a body; a request without rows has a header otherwise
	finished bool
	reply    []splunkd.Row
}

// indexer is a search peer: it runs the search over what it holds, in a process
// of its own. Without requests it gets no further than getinfo, as splunkd does
// with some of the processes it starts.
type indexer struct {
	requests []*request
	said     []string
}

// newIndexer cuts rows into requests as splunkd is known to: of sizes that are
// not constant, from one row to all, with requests that hold none among them.
// The end comes with the last rows (splunkd 8.0) or behind them (8.2).
func newIndexer(r *rand.Rand, rows []splunkd.Row, number int) *indexer {
	x := &indexer{}
	add := func(rows []splunkd.Row, bare bool) { x.requests = append(x.requests, &request{rows: rows, bare: bare}) }
	add(nil, true)
	add(nil, false)
	for len(rows) > 0 {
		size := len(rows)
		switch number % 4 {
		case 1:
			size = 1
		case 2:
			size = min(size, 1+r.IntN(100))
		case 3:
			size = min(size, 17)
		}
		add(rows[:size], false)
		rows = rows[size:]
		if len(x.requests)%5 == 0 {
			add(nil, len(x.requests)%2 == 0)
		}
	}
	if number%2 == 1 {
		add(nil, number%3 == 0)
	}
	x.requests[len(x.requests)-1].finished = true
	return x
}

// search runs the search from its start.
func (x *indexer) search(opts string) error {
	p, reply, err := start(opts)
	if err != nil {
		return err
	}
	if reply.Error != "" {
		return fmt.Errorf("refused: %s", reply.Error)
	}
	x.said = nil
	for _, q := range x.requests {
		messages, err := q.send(p)
		if err != nil {
			return err
		}
		if len(messages) > 0 && !q.finished {
			return fmt.Errorf("messages before the end: %v", messages)
		}
		for _, m := range messages {
			x.said = append(x.said, m.Text)
		}
	}
	return p.end()
}

func (q *request) send(p *process) (messages []search.Message, err error) {
	if q.bare {
		q.reply, messages, err = p.ExecuteBody(nil, q.finished)
	} else {
		q.reply, messages, err = p.Execute(rawColumns, q.rows, q.finished)
	}
	return messages, err
}

// rows are the rows that the indexer sends to the search head.
func (x *indexer) rows() (rows []splunkd.Row) {
	for _, q := range x.requests {
		rows = append(rows, q.reply...)
	}
	return rows
}

// searchAll runs the search on all indexers at once.
func searchAll(t *testing.T, opts string, indexers []*indexer) {
	t.Helper()
	errs := make([]error, len(indexers))
	var running sync.WaitGroup
	for i, x := range indexers {
		running.Go(func() { errs[i] = x.search(opts) })
	}
	running.Wait()
	for i, err := range errs {
		if err != nil {
			t.Fatalf("indexer %d: %v", i, err)
		}
	}
}

// arrivals are the answered requests as the search head may see them: those of
// one indexer in order, those of different ones in any.
func arrivals(r *rand.Rand, indexers []*indexer) (all []*request) {
	var left [][]*request
	for _, x := range indexers {
		left = append(left, x.requests)
	}
	for {
		left = slices.DeleteFunc(left, func(rest []*request) bool { return len(rest) == 0 })
		if len(left) == 0 {
			return all
		}
		i := r.IntN(len(left))
		all = append(all, left[i][0])
		left[i] = left[i][1:]
	}
}

// replies are the rows that came back, and those that were sent.
func replies(requests []*request) (back, sent []splunkd.Row) {
	for _, q := range requests {
		back, sent = append(back, q.reply...), append(sent, q.rows...)
	}
	return back, sent
}

// splits are ways in which rows, in order of time, come to lie on n indexers.
var splits = map[string]func(rows []splunkd.Row, n int) [][]splunkd.Row{
	// Forwarders change the indexer every so often, so each has buckets of
	// some stretches of time; they are read from the newest event back.
	"time": func(rows []splunkd.Row, n int) [][]splunkd.Row {
		parts, i := make([][]splunkd.Row, n), 0
		for bucket := range slices.Chunk(rows, 31) {
			parts[i%n] = append(parts[i%n], bucket...)
			i++
		}
		for _, part := range parts {
			slices.Reverse(part)
		}
		return parts
	},
	"hash": func(rows []splunkd.Row, n int) [][]splunkd.Row {
		parts := make([][]splunkd.Row, n)
		for _, row := range rows {
			h := fnv.New32a()
			_, _ = io.WriteString(h, row["_raw"][0])
			i := int(h.Sum32() % uint32(n))
			parts[i] = append(parts[i], row)
		}
		return parts
	},
}

// onIndexers spreads rows over n indexers. Beside them there are one that holds
// nothing, and one whose command is started but not executed.
func onIndexers(r *rand.Rand, parts [][]splunkd.Row) (indexers []*indexer) {
	for i, part := range append(parts, nil) {
		indexers = append(indexers, newIndexer(r, part, i))
	}
	return append(indexers, &indexer{})
}

// distributed are recorded events as rows, some of them several to a row, with
// rows between them that cannot be judged, and for each row, by its _time, how
// many anonymous requests it holds, read independently. It takes a part of the
// events, to be fast; ./build.sh soak takes all.
func distributed(t *testing.T) (rows []splunkd.Row, anonymous map[string]int) {
	t.Helper()
	var texts []corpus.Event
	var counts []int
	add := func(text string, n int) {
		texts, counts = append(texts, corpus.Event{Raw: text}), append(counts, n)
	}
	last, lastCount := "{}", 0
	for i, e := range corpus.Events(t) {
		n := 0
		if e.User.Username == "system:anonymous" || slices.Contains(e.User.Groups, "system:unauthenticated") {
			n = 1
		}
		if os.Getenv("KUBEANON_SOAK_LINES") == "" && i%(8+16*(1-n)) != 0 {
			continue // every 8th of the hits, every 24th of the others
		}
		add(e.Raw, n)
		switch i % 60 {
		case 0:
			add("["+last+","+e.Raw+"]", lastCount+n)
		case 12:
			before, _, _ := strings.Cut(e.Raw, `"user":`)
			add(before, 0)
		case 24:
			add(`I1120 httplog.go:132] user="system:anonymous"`, 0)
		}
		last, lastCount = e.Raw, n
	}
	rows, anonymous = raw(texts), map[string]int{}
	for i, row := range rows {
		if counts[i] > 0 {
			anonymous[row["_time"][0]] = counts[i]
		}
	}
	return rows, anonymous
}

func byTime(a, b splunkd.Row) int { return strings.Compare(a["_time"][0], b["_time"][0]) }

// sameRows compares rows in any order.
func sameRows(t *testing.T, want, got []splunkd.Row) {
	t.Helper()
	want, got = slices.SortedStableFunc(slices.Values(want), byTime), slices.SortedStableFunc(slices.Values(got), byTime)
	if len(want) != len(got) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
	for i := range min(len(want), len(got)) {
		if !maps.EqualFunc(want[i], got[i], slices.Equal[[]string]) {
			t.Fatalf("row %d (-want +got)\n%s", i, cmp.Diff(want[i], got[i]))
		}
	}
}

// counts is a table of demo.Stats as a count for each combination of values.
func counts(table []splunkd.Row) map[string]int {
	all := map[string]int{}
	for _, row := range table {
		n, key := 0, ""
		for _, name := range slices.Sorted(maps.Keys(row)) {
			if name == "count" {
				n, _ = strconv.Atoi(row[name][0])
			} else {
				key += name + "=" + row[name][0] + "\n"
			}
		}
		all[key] += n
	}
	return all
}

var undecidable = regexp.MustCompile(`undecidable rows: (\d+) \((.*)\); emit=all`)

// undecided adds up what searches said of rows that they could not judge.
func undecided(t *testing.T, said []string) map[string]int {
	t.Helper()
	all := map[string]int{}
	for _, text := range said {
		m := undecidable.FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("said: %s", text)
		}
		n, _ := strconv.Atoi(m[1])
		all[m[2]] += n
	}
	return all
}

// TestDistributed: a search over any number of indexers gives what it gives
// over one. The original search's table is the same whether the search head
// counts the rows or adds up what the indexers counted, which is how splunkd
// runs stats; a preview is the table of what was answered so far.
func TestDistributed(t *testing.T) {
	rows, anonymous := distributed(t)
	for name, opts := range map[string]string{"seed": demo.SeedOptions, "graded": ""} {
		want, said := run(t, opts, rawColumns, rows, 1000)
		wantCounts, wantUndecided := counts(demo.Stats(want)), undecided(t, said)
		if len(wantUndecided) != 2 || len(wantCounts) < 80 {
			t.Fatalf("the rows do not show enough: %d in the table, %v", len(wantCounts), said)
		}
		judged := map[string][]splunkd.Row{} // the rows that a row gives, by its _time
		for _, row := range want {
			judged[row["_time"][0]] = append(judged[row["_time"][0]], row)
		}
		for way, split := range splits {
			for _, n := range []int{1, 2, 4, 8} {
				t.Run(fmt.Sprintf("%s/%s/%d", name, way, n), func(t *testing.T) {
					t.Parallel()
					r := rand.New(rand.NewPCG(uint64(n), uint64(len(way))))
					indexers := onIndexers(r, split(rows, n))
					searchAll(t, opts, indexers)

					arrived := arrivals(r, indexers)
					got, _ := replies(arrived)
					sameRows(t, want, got)
					if name == "graded" {
						times := map[string]int{}
						for _, row := range got {
							times[row["_time"][0]]++
						}
						if diff := cmp.Diff(anonymous, times); diff != "" {
							t.Errorf("how often each row came out (-want +got)\n%s", diff)
						}
						return
					}
					if diff := cmp.Diff(wantCounts, counts(demo.Stats(got))); diff != "" {
						t.Errorf("the table of all rows (-one indexer +%d)\n%s", n, diff)
					}
					added := map[string]int{}
					for _, x := range indexers {
						for key, n := range counts(demo.Stats(x.rows())) {
							added[key] += n
						}
					}
					if diff := cmp.Diff(wantCounts, added); diff != "" {
						t.Errorf("the tables of the indexers, added up (-one indexer +%d)\n%s", n, diff)
					}
					for _, part := range []int{4, 2} {
						shown, sent := replies(arrived[:len(arrived)/part])
						var judgedSoFar []splunkd.Row
						for _, row := range sent {
							judgedSoFar = append(judgedSoFar, judged[row["_time"][0]]...)
						}
						if diff := cmp.Diff(counts(demo.Stats(judgedSoFar)), counts(demo.Stats(shown))); diff != "" {
							t.Errorf("a preview (-what was sent +what was shown)\n%s", diff)
						}
					}
					var said []string
					for i, x := range indexers {
						said = append(said, x.said...)
						ordered := slices.IsSortedFunc(x.rows(), byTime)
						if way == "time" {
							ordered = slices.IsSortedFunc(x.rows(), func(a, b splunkd.Row) int { return byTime(b, a) })
						}
						if !ordered {
							t.Errorf("indexer %d: rows out of order", i)
						}
					}
					if diff := cmp.Diff(wantUndecided, undecided(t, said)); diff != "" {
						t.Errorf("undecidable rows (-one indexer +%d)\n%s", n, diff)
					}
				})
			}
		}
	}
}

// TestPreviews: a preview that splunkd makes by running the search again, over
// what it has so far, gives the beginning of the final rows. With the
// run_in_preview = false of commands.conf it does not, and on indexers it has no
// need to; but it is a setting.
func TestPreviews(t *testing.T) {
	rows, anonymous := distributed(t)
	want, _ := run(t, "", rawColumns, rows, len(rows))
	for _, so := range []int{0, 1, len(rows) / 3, len(rows) - 1, len(rows)} {
		n := 0
		for _, row := range rows[:so] {
			n += anonymous[row["_time"][0]]
		}
		got, _ := run(t, "", rawColumns, rows[:so], 50)
		sameRows(t, want[:n], got)
	}
}

// TestRerun: an indexer dies in the midst of a request. The rows of that request
// do not count, and the search, run again from its start, gives what it gives on
// an indexer that never died.
func TestRerun(t *testing.T) {
	rows, _ := distributed(t)
	want, said := run(t, "", rawColumns, rows, 1000)
	r := rand.New(rand.NewPCG(1, 1))
	indexers := onIndexers(r, splits["hash"](rows, 4))
	for i, x := range indexers[:4] {
		alive := len(x.requests) * i / 4
		p, _, err := start("")
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range x.requests[:alive] {
			if _, err := q.send(p); err != nil {
				t.Fatal(err)
			}
		}
		whole := splunkd.EncodeChunk(splunkd.Execute(false), splunkd.EncodeBody([]string{"_raw"}, want[:3]))
		go func() {
			_, _ = p.stdin.Write(whole[:len(whole)-10])
			p.stdin.Close()
		}()
		metadata, body, err := p.Exchange(nil)
		if err != nil || len(body) > 0 || !strings.Contains(string(metadata), "ended early") {
			t.Errorf("indexer %d died, and its command said %s with %d bytes of rows, %v", i, metadata, len(body), err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := <-p.ended; err == nil {
			t.Errorf("indexer %d died, and its command took it for a normal end", i)
		}
	}
	searchAll(t, "", indexers)
	got, _ := replies(arrivals(r, indexers))
	sameRows(t, want, got)
	var again []string
	for _, x := range indexers {
		again = append(again, x.said...)
	}
	if diff := cmp.Diff(undecided(t, said), undecided(t, again)); diff != "" {
		t.Errorf("undecidable rows (-one indexer +rerun)\n%s", diff)
	}
}
