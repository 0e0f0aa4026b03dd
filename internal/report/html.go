package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/kubeanon/kubeanon/internal/judge"
)

var (
	//go:embed page.html
	pageHTML string
	//go:embed page.css
	pageCSS string

	page = template.Must(template.New("page").Funcs(template.FuncMap{
		"count": func(n int) string { return number(int64(n)) },
		"join":  strings.Join,
	}).Parse(pageHTML))
)

// policy is the Content-Security-Policy of the page: nothing is loaded and
// nothing runs. Only the style of ours is taken, by its hash.
var policy = func() string {
	sum := sha256.Sum256([]byte(pageCSS))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
}()

// renderHTML writes one page that needs nothing else. html/template escapes
// what clients wrote by where it stands.
func renderHTML(w io.Writer, s *summary) error {
	groups, more := s.shown(maxPage)
	shown := struct {
		Policy           string
		CSS              template.CSS
		Headline, Worst  string
		About            []remark
		Alarm            string
		Severities       []figure
		Timeline         chart
		Categories       []bar
		Addresses        []*view
		Bindings         []*view
		Groups           []*view
		More, Rest       int
		Total, Let, Kind int
	}{
		Policy: policy, CSS: template.CSS(pageCSS), About: s.about(), Alarm: s.alarm(), //nolint:gosec // ours, embedded
		Timeline: s.chart(), More: more, Rest: s.rest, Total: s.total, Let: s.let, Kind: len(s.groups),
	}
	shown.Headline, shown.Worst = s.headline()
	for _, severity := range judge.Severities() {
		shown.Severities = append(shown.Severities, figure{string(severity), s.severities[severity]})
	}
	most := 1
	for _, t := range s.categories {
		most = max(most, t.count)
	}
	for _, t := range worst(s.categories, len(s.categories)) {
		shown.Categories = append(shown.Categories, bar{Tally: viewTally(t), Why: t.category.Why, Width: max(1, 300*t.count/most), Let: 300 * t.let / most})
	}
	for _, t := range worst(s.addresses, maxTop) {
		shown.Addresses = append(shown.Addresses, viewTally(t))
	}
	for _, t := range worst(s.bindings, maxTop) {
		shown.Bindings = append(shown.Bindings, viewTally(t))
	}
	for _, g := range groups {
		shown.Groups = append(shown.Groups, viewGroup(g))
	}
	return page.Execute(w, shown)
}

type figure struct {
	Severity string
	Count    int
}

// bar is a line of the chart of categories, in its units.
type bar struct {
	Tally      *view
	Why        string
	Width, Let int
}

// view is what the page shows of a group or a tally.
type view struct {
	Name, Severity, Category, Outcome, What, Source, By, Cluster string
	Score, Count, Let, Refused                                   int
	Message, Why, Risk, Class, ClassProof, OutcomeProof          string
	Remediation, First, Last                                     string
	Factors, ATTACK, Agents                                      []string
	Samples                                                      []sampleView
	MoreSamples                                                  int
	MoreAgents, Forged, Placed                                   bool
}

type sampleView struct{ At, Code, Agent, Addresses, AuditID, Place string }

func viewTally(t *tally) *view {
	return &view{Name: t.name, Severity: string(t.severity), Score: t.score, Count: t.count, Let: t.let, Refused: t.refused, Remediation: t.remediation}
}

func viewGroup(g *group) *view {
	v := &g.verdict
	shown := &view{
		Severity: string(g.severity), Category: g.category, Outcome: g.outcome, What: g.what, Source: g.source, By: g.by, Cluster: g.cluster,
		Score: g.score, Count: g.count, Message: v.Message, Class: string(v.Class), ClassProof: g.classProof, OutcomeProof: g.outcomeProof,
		Remediation: v.Remediation, First: g.first, Last: g.last, Factors: v.Factors,
		Agents: g.agents, MoreAgents: g.moreAgents, MoreSamples: g.count - len(g.samples), Forged: v.XFFSuspect, Placed: g.place.Input != "",
	}
	if c := v.Category; c != nil {
		shown.Why, shown.ATTACK = c.Why, c.ATTACK
		shown.Risk = fmt.Sprintf("%d = impact %d x confidence %d / 100", v.Score, v.Impact, v.Confidence)
	}
	for _, one := range g.samples {
		shown.Samples = append(shown.Samples, sampleView{one.at, one.code, one.agent, one.addresses, one.auditID, one.place})
	}
	return shown
}

// chart is the timeline as bars, in units of its view box.
type chart struct {
	Width, Height int
	Bars          []column
	Most          int
	Step          string
	From, To      string
}

type column struct {
	Title string
	Parts []part
}

type part struct {
	Severity            string
	X, Y, Width, Height float64
}

// The view box of the timeline, and how many bars it has at most.
const (
	chartWidth, chartHeight = 720, 140
	chartBars               = 72
)

func (s *summary) chart() chart {
	all, step := s.timeline.intervals(chartBars)
	if len(all) == 0 {
		return chart{}
	}
	c := chart{Width: chartWidth, Height: chartHeight, Step: span(step), From: all[0].from.Format(time.DateTime), To: all[len(all)-1].from.Add(step).Format(time.DateTime)}
	for _, one := range all {
		c.Most = max(c.Most, one.total)
	}
	width := float64(chartWidth) / float64(len(all))
	for i, one := range all {
		col := column{Title: one.from.Format(time.DateTime) + " UTC: " + plural(int64(one.total), "request")}
		y := float64(chartHeight)
		for _, severity := range judge.Severities() { // the worst at the foot, where bars compare
			n := one.counts[severity]
			if n == 0 {
				continue
			}
			height := max(1.5, float64(chartHeight)*float64(n)/float64(c.Most))
			y -= height
			col.Parts = append(col.Parts, part{string(severity), float64(i) * width, max(y, 0), max(width-1, 0.5), height})
			col.Title += fmt.Sprintf(", %d %s", n, severity)
		}
		c.Bars = append(c.Bars, col)
	}
	return c
}

// span is an interval in words.
func span(d time.Duration) string {
	for _, unit := range []struct {
		name string
		d    time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}} {
		if d >= unit.d && d%unit.d == 0 {
			return plural(int64(d/unit.d), unit.name)
		}
	}
	return plural(int64(d/time.Second), "second")
}
