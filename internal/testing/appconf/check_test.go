package appconf

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/kubeanon/kubeanon/internal/detect/allowlist"
	"github.com/kubeanon/kubeanon/internal/splunk/conf"
)

// keys are the settings that each file of this app may hold, as Splunk's .conf
// specifications name them: a misspelt one would be ignored in silence.
var keys = map[string]*regexp.Regexp{
	"macros":     regexp.MustCompile(`^(definition|args|iseval)$`),
	"commands":   regexp.MustCompile(`^(chunked|filename|is_risky|maxwait|maxchunksize|run_in_preview|command\.arg\.[1-9])$`),
	"transforms": regexp.MustCompile(`^(filename|match_type|max_matches|min_matches|case_sensitive_match)$`),
	"inputs":     regexp.MustCompile(`^(interval|start_by_shell|sourcetype)$`),
	"eventtypes": regexp.MustCompile(`^search$`),
	"tags":       regexp.MustCompile(`^[a-z]+$`),
	"props": regexp.MustCompile(`^(SHOULD_LINEMERGE|LINE_BREAKER|TRUNCATE|TIME_PREFIX|TIME_FORMAT|MAX_TIMESTAMP_LOOKAHEAD|KV_MODE|AUTO_KV_JSON|description|category|pulldown_type|` +
		`(EVAL|FIELDALIAS)-[\w.]+)$`),
	"savedsearches": regexp.MustCompile(`^(description|search|disabled|enableSched|cron_schedule|schedule_window|allow_skew|counttype|relation|quantity|realtime_schedule|is_visible|` +
		`request\.ui_dispatch_app|dispatch\.(earliest|latest)_time|alert\.(digest_mode|suppress|suppress\.(fields|period))|` +
		`action\.correlationsearch\.(enabled|detection_type|label|annotations)|action\.risk|action\.risk\.param\.(_risk|_risk_message|_risk_score|verbose)|` +
		`action\.notable|action\.notable\.param\.(_entities|nes_fields|rule_title|rule_description|security_domain|severity|next_steps|drilldown_searches))$`),
}

// checker looks through the conf of the app in a folder.
type checker struct {
	dir      string
	problems []string
	macros   conf.File
	lookups  map[string][]string
}

func (c *checker) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// check looks at everything that can be wrong without a Splunk.
func check(dir string) []string {
	c := &checker{dir: dir, lookups: map[string][]string{}}
	c.macros = c.conf("macros")
	for _, name := range []string{"commands", "inputs", "props", "eventtypes", "tags"} {
		c.conf(name)
	}
	c.transforms()
	for name := range c.macros {
		if _, err := expand("`"+regexp.MustCompile(`\(\d+\)$`).ReplaceAllString(name, "")+"`", c.macros, 0); err != nil && !strings.Contains(name, "(") {
			c.problem("macro %s: %v", name, err)
		}
	}
	for name, s := range c.conf("savedsearches") {
		c.savedSearch(name, s)
	}
	eventtypes := c.conf("eventtypes")
	for stanza := range c.conf("tags") {
		if name, ok := strings.CutPrefix(stanza, "eventtype="); !ok || eventtypes[name] == nil {
			c.problem("tags.conf [%s] tags nothing", stanza)
		}
	}
	c.views()
	return c.problems
}

func (c *checker) conf(name string) conf.File {
	text, err := os.ReadFile(filepath.Join(c.dir, "default", name+".conf"))
	if err != nil {
		c.problem("%v", err)
		return conf.File{}
	}
	parsed, problems := parse(string(text))
	for _, p := range problems {
		c.problem("%s.conf: %s", name, p)
	}
	for stanza, settings := range parsed {
		for key := range settings {
			if !keys[name].MatchString(key) {
				c.problem("%s.conf [%s]: %s is no setting that this app knows", name, stanza, key)
			}
		}
	}
	return parsed
}

func (c *checker) transforms() {
	for name, settings := range c.conf("transforms") {
		f, err := os.Open(filepath.Join(c.dir, "app/lookups", settings["filename"]))
		if err != nil {
			c.problem("transforms.conf [%s]: %v", name, err)
			continue
		}
		head, err := csv.NewReader(f).Read()
		f.Close()
		if err != nil || !slices.Equal(head, allowlist.Columns) {
			c.problem("%s: the columns are %v, %v", settings["filename"], head, err)
		}
		c.lookups[name] = head
		for _, m := range regexp.MustCompile(`(\w+)\((\w+)\)`).FindAllStringSubmatch(settings["match_type"], -1) {
			if !slices.Contains([]string{"CIDR", "WILDCARD"}, m[1]) || !slices.Contains(head, m[2]) {
				c.problem("transforms.conf [%s]: match_type %s", name, m[0])
			}
		}
	}
}

// follow follows a search and reports under a name.
func (c *checker) follow(name, text string) *search {
	expanded, err := expand(text, c.macros, 0)
	if err != nil {
		c.problem("%s: %v", name, err)
		return &search{fields: map[string]bool{}}
	}
	if strings.Contains(text, "| kubeanon ") && !strings.Contains(text, "| kubeanon input=raw `kubeanon_options`") {
		c.problem("%s: kubeanon without the options of the macro kubeanon_options", name)
	}
	s := follow(expanded, c.lookups)
	for _, p := range s.problems {
		c.problem("%s: %s", name, p)
	}
	return s
}

var token = regexp.MustCompile(`\$([A-Za-z_][\w.{}]*)\$`)

func (c *checker) savedSearch(name string, s map[string]string) {
	rows := c.follow(name, s["search"])
	if s["enableSched"] != "1" { // a report
		return
	}
	if s["disabled"] != "1" {
		c.problem("%s is shipped enabled", name)
	}
	if !regexp.MustCompile("^`kube(anon_\\w*events|_audit)`").MatchString(s["search"]) {
		c.problem("%s does not begin with the events: %s", name, s["search"])
	}
	if title := regexp.MustCompile(`^(?:Kubeanon - )?(.*?) - (?:kubeanon - )?Rule$`).FindStringSubmatch(name); title == nil {
		c.problem("%s is no name of a detection", name)
	} else if filter := strings.ReplaceAll(strings.ToLower(title[1]), " ", "_") + "_filter`"; !strings.HasSuffix(s["search"], "`"+filter) {
		c.problem("%s does not end in its filter `%s", name, filter)
	}
	if s["action.correlationsearch.label"] != name || len("threat - "+name) > 99 {
		c.problem("%s: label %q", name, s["action.correlationsearch.label"])
	}
	if err := cron(s["cron_schedule"]); err != nil {
		c.problem("%s: %v", name, err)
	}
	for key, value := range s {
		if strings.HasPrefix(value, "{") || strings.HasPrefix(value, "[") {
			if !json.Valid([]byte(value)) {
				c.problem("%s: %s is no JSON", name, key)
			}
		}
		for _, m := range token.FindAllStringSubmatch(value, -1) {
			if !rows.fields[m[1]] && !slices.Contains([]string{"info_min_time", "info_max_time"}, m[1]) {
				c.problem("%s: %s names the field %s, which no row has", name, key, m[1])
			}
		}
	}
	for _, f := range words(s["alert.suppress.fields"]) {
		if !rows.fields[f] {
			c.problem("%s: alert.suppress.fields names %s, which no row has", name, f)
		}
	}
	if s["alert.suppress"] == "1" && !regexp.MustCompile(`^\d+[smh]$`).MatchString(s["alert.suppress.period"]) {
		c.problem("%s: alert.suppress.period %q", name, s["alert.suppress.period"])
	}
	c.security(name, s, rows)
}

// security checks what Enterprise Security reads.
func (c *checker) security(name string, s map[string]string, rows *search) {
	var annotations struct {
		Type  string   `json:"type"`
		Tech  []string `json:"mitre_attack"`
		Story []string `json:"analytic_story"`
		Phase []string `json:"kill_chain_phases"`
		CIS   []string `json:"cis20"`
		NIST  []string `json:"nist"`
	}
	if err := json.Unmarshal([]byte(s["action.correlationsearch.annotations"]), &annotations); err != nil ||
		!slices.Contains([]string{"TTP", "Anomaly", "Hunting"}, annotations.Type) || len(annotations.Story)*len(annotations.Phase)*len(annotations.CIS)*len(annotations.NIST) == 0 {
		c.problem("%s: annotations %s, %v", name, s["action.correlationsearch.annotations"], err)
	}
	for _, technique := range annotations.Tech {
		if !regexp.MustCompile(`^T\d{4}(\.\d{3})?$`).MatchString(technique) {
			c.problem("%s: technique %q", name, technique)
		}
	}
	if annotations.Type == "TTP" && s["action.notable"] != "1" || annotations.Type != "TTP" && s["action.notable"] == "1" {
		c.problem("%s: a %s with action.notable = %q", name, annotations.Type, s["action.notable"])
	}
	if s["action.notable"] == "1" && (s["action.notable.param._entities"] == "" || s["action.notable.param.rule_title"] == "") {
		c.problem("%s: a finding without entity or title", name)
	}
	if s["action.notable"] == "1" && s["action.notable.param.next_steps"] == "" {
		c.problem("%s: a finding that does not say what to do", name)
	}
	if rows.fields["risk_object"] || rows.fields["risk_object_type"] {
		c.problem("%s has a field risk_object, which Enterprise Security would take for all of _risk", name)
	}
	if s["action.risk"] == "1" {
		var objects []map[string]any
		if err := json.Unmarshal([]byte(s["action.risk.param._risk"]), &objects); err != nil || len(objects) == 0 {
			c.problem("%s: _risk: %v", name, err)
		}
		for _, o := range objects {
			field, _ := o["risk_object_field"].(string)
			if threat, ok := o["threat_object_field"].(string); ok {
				field = threat
			} else if score, _ := o["risk_score"].(float64); score < 1 || score > 100 || !slices.Contains([]string{"system", "user", "other"}, fmt.Sprint(o["risk_object_type"])) {
				c.problem("%s: _risk %v", name, o)
			}
			if !rows.fields[field] {
				c.problem("%s: _risk names the field %q, which no row has", name, field)
			}
		}
		if s["action.risk.param._risk_message"] == "" {
			c.problem("%s: no _risk_message", name)
		}
	}
	if drills := s["action.notable.param.drilldown_searches"]; drills != "" {
		var list []map[string]string
		if err := json.Unmarshal([]byte(drills), &list); err != nil || len(list) != 2 {
			c.problem("%s: drilldowns: %v", name, err)
		}
		for _, d := range list {
			if len(d) != 4 || d["name"] == "" || d["earliest_offset"] == "" || d["latest_offset"] == "" {
				c.problem("%s: drilldown %v", name, d)
			}
			c.follow(name+", drilldown "+d["name"], token.ReplaceAllString(d["search"], "x"))
		}
	}
}

// cron checks a schedule of five fields.
func cron(schedule string) error {
	fields := strings.Fields(schedule)
	if len(fields) != 5 {
		return fmt.Errorf("cron %q has %d fields", schedule, len(fields))
	}
	for i, field := range fields {
		limit := [...]int{59, 23, 31, 12, 7}[i]
		for part := range strings.SplitSeq(field, ",") {
			part, _, _ = strings.Cut(part, "/")
			for number := range strings.SplitSeq(part, "-") {
				if number == "*" {
					continue
				}
				if n, err := strconv.Atoi(number); err != nil || n > limit {
					return fmt.Errorf("cron %q: %q is out of range", schedule, number)
				}
			}
		}
	}
	return nil
}

// dashboard is a definition of Dashboard Studio, as far as it is checked.
type dashboard struct {
	Visualizations map[string]struct {
		Type        string
		Title       string
		Description string
		DataSources map[string]string
		Options     json.RawMessage
	}
	DataSources map[string]struct {
		Type    string
		Options struct {
			Query, Extend   string
			QueryParameters map[string]string
		}
	}
	Inputs map[string]struct {
		Options struct{ Token string }
	}
	Layout struct {
		Structure []struct {
			Item     string
			Position struct{ W int }
		}
		GlobalInputs []string
	}
}

func (c *checker) views() {
	files, _ := filepath.Glob(filepath.Join(c.dir, "default/data/ui/views/*.xml"))
	names := map[string]bool{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".xml")
		names[name] = true
		c.view(name, file)
	}
	text, err := os.ReadFile(filepath.Join(c.dir, "default/data/ui/nav/default.xml"))
	var nav struct {
		Views []struct {
			Name    string `xml:"name,attr"`
			Default bool   `xml:"default,attr"`
		} `xml:"view"`
	}
	if err == nil {
		err = xml.Unmarshal(text, &nav)
	}
	defaults := 0
	for _, v := range nav.Views {
		if v.Default {
			defaults++
		}
		if !names[v.Name] && !slices.Contains([]string{"search", "reports", "alerts", "dashboards", "datasets"}, v.Name) {
			c.problem("the navigation names the view %s, which is not there", v.Name)
		}
		delete(names, v.Name)
	}
	if err != nil || defaults != 1 || len(names) > 0 {
		c.problem("the navigation: %v, %d defaults, not reached: %v", err, defaults, names)
	}
}

func (c *checker) view(name, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		c.problem("%v", err)
		return
	}
	var view struct {
		Version    string `xml:"version,attr"`
		Label      string `xml:"label"`
		Definition string `xml:"definition"`
	}
	if err := xml.Unmarshal(text, &view); err != nil || view.Version != "2" || view.Label == "" {
		c.problem("view %s: %v, version %q, label %q", name, err, view.Version, view.Label)
		return
	}
	var d dashboard
	if err := json.Unmarshal([]byte(view.Definition), &d); err != nil {
		c.problem("view %s: %v", name, err)
		return
	}
	tokens := map[string]bool{}
	for id, input := range d.Inputs {
		tokens[input.Options.Token] = true
		if !slices.Contains(d.Layout.GlobalInputs, id) {
			c.problem("view %s: the input %s is not shown", name, id)
		}
	}
	placed := map[string]bool{}
	for _, s := range d.Layout.Structure {
		placed[s.Item] = true
		if _, ok := d.Visualizations[s.Item]; !ok {
			c.problem("view %s: no visualization %s", name, s.Item)
		}
		// Seen in the pictures: a letter takes 6 pixels, and there is one line.
		if text := d.Visualizations[s.Item].Description; len(text)*6 > s.Position.W {
			c.problem("view %s: of %q only %d letters are seen", name, text, s.Position.W/6)
		}
	}
	used := map[string]bool{}
	for id, v := range d.Visualizations {
		if !placed[id] {
			c.problem("view %s: %s is not placed", name, id)
		}
		if len(v.DataSources) > 0 && (v.Title == "" || v.Description == "") {
			c.problem("view %s: %s does not say what it shows, and what it means when it is empty", name, id)
		}
		for _, source := range v.DataSources {
			used[source] = true
			if _, ok := d.DataSources[source]; !ok {
				c.problem("view %s: %s reads %s, which is not there", name, id, source)
			}
		}
	}
	for id, source := range d.DataSources {
		query := source.Options.Query
		if base := source.Options.Extend; base != "" {
			used[base] = true
			query = d.DataSources[base].Options.Query + " " + query
		}
		query = regexp.MustCompile(`\$(\w+)(\|s)?\$`).ReplaceAllStringFunc(query, func(use string) string {
			t := strings.TrimSuffix(strings.Trim(use, "$"), "|s")
			if !tokens[t] {
				c.problem("view %s, %s: no input sets the token %s", name, id, t)
			}
			return `"x"`
		})
		c.follow("view "+name+", "+id, query)
	}
	for id := range d.DataSources {
		if !used[id] {
			c.problem("view %s: nobody reads %s", name, id)
		}
	}
}

func TestApp(t *testing.T) {
	for _, p := range check(root) {
		t.Error(p)
	}
}

// TestEntry: the line that the dashboard Tuning and docs/setup.md add to the
// lookup is one that it takes.
func TestEntry(t *testing.T) {
	for _, file := range []string{"default/data/ui/views/tuning.xml", "docs/setup.md"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		_, example, _ := strings.Cut(strings.ReplaceAll(string(text), `\"`, `"`), "| eval entry=")
		example, _, _ = strings.Cut("entry="+example, "| outputlookup append=true kubeanon_allowlist")
		example, table, _ := strings.Cut(example, "| table ")
		var columns, cells []string
		for _, m := range regexp.MustCompile(`(\w+)="([^"]*)"`).FindAllStringSubmatch(example, -1) {
			columns, cells = append(columns, m[1]), append(cells, m[2])
		}
		if !slices.Equal(strings.Fields(table), allowlist.Columns) {
			t.Errorf("%s: table %s", file, table)
		}
		if list, err := allowlist.Load(strings.NewReader(strings.Join(columns, ",") + "\n" + strings.Join(cells, ",") + "\n")); err != nil || len(list) != 1 {
			t.Errorf("%s: %v, %v", file, list, err)
		}
	}
}

// TestTuning: docs/tuning.md has the risk and the finding of each detection.
func TestTuning(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs/tuning.md"))
	if err != nil {
		t.Fatal(err)
	}
	detections := 0
	for name, s := range (&checker{dir: root}).conf("savedsearches") {
		if s["enableSched"] != "1" {
			continue
		}
		detections++
		row := fmt.Sprintf("\n| %s | none | | none |\n", name)
		if risk := regexp.MustCompile(`"risk_object_field": "(\w+)", "risk_object_type": "(\w+)", "risk_score": (\d+)`).FindStringSubmatch(s["action.risk.param._risk"]); risk != nil {
			row = fmt.Sprintf("\n| %s | %s | `%s`, a %s | ", name, risk[3], risk[1], risk[2])
			if s["action.notable"] == "1" {
				row += "one a day "
			} else {
				row += "none |\n"
			}
		}
		if !strings.Contains(string(text), row) {
			t.Errorf("docs/tuning.md has no row%s", row)
		}
	}
	if detections == 0 {
		t.Error("no detections")
	}
}

// TestPlanted plants mistakes that Splunk would pass over, or show to users
// only: each is found.
func TestPlanted(t *testing.T) {
	for _, tc := range []struct{ name, file, old, new, want string }{
		{"misspelt key", "default/savedsearches.conf", "\ncron_schedule =", "\ncron_shedule =", "cron_shedule is no setting"},
		{"misspelt key of a lookup", "default/transforms.conf", "match_type", "match_types", "match_types is no setting"},
		{"missing macro", "default/savedsearches.conf", "`kubeanon_filter`", "`kubeanon_filters`", "no macro kubeanon_filters"},
		{"wrong arity", "default/savedsearches.conf", "`kubeanon_filter`", "`kubeanon_filter(1)`", "no macro kubeanon_filter(1)"},
		{"field that is not emitted", "default/savedsearches.conf", "values(category) AS category", "values(categories) AS category", "the field categories"},
		{"message about no field", "default/savedsearches.conf", "paths of $dest$", "paths of $destination$", "the field destination"},
		{"bad cron", "default/savedsearches.conf", "cron_schedule = 5 * * * *", "cron_schedule = 65 * * * *", "out of range"},
		{"bad JSON", "default/savedsearches.conf", `"risk_score": 75}`, `"risk_score": 75`, "no JSON"},
		{"risk beyond 100", "default/savedsearches.conf", `"risk_score": 75}`, `"risk_score": 750}`, "_risk map"},
		{"shipped enabled", "default/savedsearches.conf", "disabled = 1", "disabled = 0", "shipped enabled"},
		{"no filter at the end", "default/savedsearches.conf", "| `kubernetes_anonymous_probing_filter`", "", "does not end in its filter"},
		{"throttled by nothing", "default/savedsearches.conf", "alert.suppress.fields = src_ip,dest\n", "alert.suppress.fields = src,dest\n", "alert.suppress.fields names src"},
		{"unbalanced", "default/savedsearches.conf", "where outcome!=\"allowed\"", "where (outcome!=\"allowed\"", "not closed"},
		{"unknown option", "default/savedsearches.conf", "kubeanon input=raw", "kubeanon inputs=raw", "inputs"},
		{"column renamed", "app/lookups/kubeanon_allowlist.csv", "cidr", "network", "columns are"},
		{"lookup column misspelt", "default/macros.conf", "user_agent AS allowlist_agent", "useragent AS allowlist_agent", "no column useragent"},
		{"tag of nothing", "default/tags.conf", "kubeanon_change", "kubeanon_changes", "tags nothing"},
		{"macros in a circle", "default/macros.conf", "definition = source=\"kubernetes\"", "definition = `kubeanon_events`", "circle"},
		{"dashboard without its data", "default/data/ui/views/overview.xml", `"primary": "ds_categories"`, `"primary": "ds_category"`, "which is not there"},
		{"panel without a word", "default/data/ui/views/overview.xml", `"description": "Public addresses only.`, `"note": "Public addresses only.`, "does not say what it shows"},
		{"words that are not seen", "default/data/ui/views/overview.xml", `"Public addresses only.`, `"Public addresses only, which are those that are not private, not of the machine itself and not of the link.`, "letters are seen"},
		{"rows dropped by a count", "default/savedsearches.conf", "fillnull value=\"(none named)\" rbac_kind", "fillnull value=\"(none named)\"", "BY rbac_kind drops the rows"},
		{"finding without advice", "default/savedsearches.conf", "action.notable.param.next_steps =", "description =", "does not say what to do"},
		{"options left out", "default/savedsearches.conf", "kubeanon input=raw `kubeanon_options`", "kubeanon input=raw", "without the options"},
		{"view that is not there", "default/data/ui/nav/default.xml", `"overview"`, `"overviews"`, "overviews"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, folder := range []string{"default", "app"} {
				if err := os.CopyFS(filepath.Join(dir, folder), os.DirFS(filepath.Join(root, folder))); err != nil {
					t.Fatal(err)
				}
			}
			path := filepath.Join(dir, tc.file)
			text, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(text), tc.old) {
				t.Fatalf("nothing to plant it in: %v", err)
			}
			if err := os.WriteFile(path, []byte(strings.Replace(string(text), tc.old, tc.new, 1)), 0o644); err != nil {
				t.Fatal(err)
			}
			problems := check(dir)
			if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, tc.want) }) {
				t.Errorf("not found; found: %q", problems)
			}
		})
	}
}
