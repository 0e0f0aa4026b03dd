package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubeanon/kubeanon/internal/detect"
	"github.com/kubeanon/kubeanon/internal/judge"
	"github.com/kubeanon/kubeanon/internal/version"
)

// The parts of SARIF 2.1.0 (OASIS, docs.oasis-open.org/sarif/sarif/v2.1.0) that
// a report has, with the specification's names.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"semanticVersion,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string     `json:"id"`
		ShortDescription sarifText  `json:"shortDescription"`
		FullDescription  sarifText  `json:"fullDescription"`
		Configuration    sarifLevel `json:"defaultConfiguration"`
		Properties       any        `json:"properties"`
	}
	sarifLevel struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		Successful    bool        `json:"executionSuccessful"`
		Notifications []sarifNote `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNote struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID      string            `json:"ruleId"`
		RuleIndex   int               `json:"ruleIndex"`
		Level       string            `json:"level"`
		Message     sarifText         `json:"message"`
		Locations   []sarifLocation   `json:"locations,omitempty"`
		Occurrences int               `json:"occurrenceCount"`
		Rank        float64           `json:"rank"`
		Fingerprint map[string]string `json:"partialFingerprints"`
		Properties  any               `json:"properties"`
	}
	sarifLocation struct {
		Physical *sarifPhysical `json:"physicalLocation,omitempty"`
		Logical  []sarifLogical `json:"logicalLocations"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int64 `json:"startLine"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
)

// renderSARIF writes the groups as results: the categories are the rules, and a
// result stands where the request went, and in the line of the log where it was
// first read.
func renderSARIF(w io.Writer, s *summary) error {
	run := sarifRun{Tool: sarifTool{sarifDriver{Name: "kubeanon", Version: version.Version, Rules: []sarifRule{}}}, Results: []sarifResult{}}
	invocation := sarifInvocation{Successful: s.alarm() == ""}
	for _, line := range s.about() {
		invocation.Notifications = append(invocation.Notifications, sarifNote{Level: "note", Message: sarifText{plain(line.String())}})
	}
	run.Invocations = []sarifInvocation{invocation}
	var rules []string
	for _, c := range judge.Categories() {
		if s.categories[c.Name] == nil {
			continue
		}
		rules = append(rules, c.Name)
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: c.Name, ShortDescription: sarifText{c.Why}, FullDescription: sarifText{c.Why + " For example: " + c.Example + "."},
			Configuration: sarifLevel{level(c.Severity())},
			Properties: map[string]any{
				"tags": append([]string{"security", "kubernetes"}, c.ATTACK...), "security-severity": fmt.Sprintf("%.1f", float64(c.Score())/10),
			},
		})
	}
	groups, _ := s.shown(0)
	for _, g := range groups {
		category := g.verdict.Category
		if category == nil { // a row that is no hit, under emit=all
			continue
		}
		result := sarifResult{
			RuleID: category.Name, RuleIndex: slices.Index(rules, category.Name), Level: level(g.severity),
			Message: sarifText{plain(g.verdict.Message)}, Occurrences: g.count, Rank: float64(g.score),
			Fingerprint: map[string]string{"kubeanon/v1": g.fingerprint()},
			Properties: map[string]any{
				"first": g.first, "last": g.last, "outcome": g.outcome, "src_ip": g.source, "risk_factors": g.verdict.Factors,
				"remediation": g.verdict.Remediation, "cluster": g.cluster,
			},
		}
		if result.Message.Text == "" {
			result.Message.Text = category.Why
		}
		result.Locations = []sarifLocation{{Physical: physical(g.place), Logical: []sarifLogical{{Name: strings.TrimPrefix(g.cluster+"/"+g.what, "/"), Kind: "resource"}}}}
		run.Results = append(run.Results, result)
	}
	out := json.NewEncoder(w)
	out.SetIndent("", " ")
	return out.Encode(sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}})
}

// plain is foreign text as the text of a message: in one, [text](address) is a link
// and {0} an argument (SARIF 2.1.0, 3.11.5 and 3.11.6).
func plain(s string) string {
	return strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, "{", "{{", "}", "}}").Replace(s)
}

// physical is where the first finding of a group stands, for tools that open it;
// nil if that is no file.
func physical(at detect.Place) *sarifPhysical {
	if at.Input == "" {
		return nil
	}
	uri := url.URL{Path: filepath.ToSlash(at.Input)}
	if filepath.IsAbs(at.Input) {
		uri.Scheme = "file"
	}
	return &sarifPhysical{sarifArtifact{uri.String()}, sarifRegion{at.Line}}
}

// fingerprint is the same for the same group of a later log.
func (g *group) fingerprint() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{g.category, g.outcome, g.what, g.source, g.by, g.cluster}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// level is a severity as SARIF has it.
func level(s judge.Severity) string {
	switch s {
	case judge.Critical, judge.High:
		return "error"
	case judge.Medium:
		return "warning"
	}
	return "note"
}
