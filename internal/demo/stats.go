package demo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/kubeanon/kubeanon/internal/splunk/splunkd"
)

// seedFields are the fields by which the original search counts, after its
// renames.
var seedFields = []string{
	"objectRef.name", "objectRef.namespace", "objectRef.resource", "requestReceivedTimestamp", "requestURI", "responseStatus.code",
	"src_ip", "stage", "user.groups{}", "user.uid", "user", "userAgent", "verb",
}

// Stats does what "stats count by" does in the original search: rows that
// agree in all its fields are counted, a multivalue counts once for each of
// its values, and a row that lacks one of the fields is left out. It is no
// Splunk: it knows these fields and this one aggregation.
func Stats(rows []splunkd.Row) (table []splunkd.Row) {
	type entry struct {
		key   []string
		count int
	}
	entries := map[string]*entry{}
	for _, row := range rows {
		for _, key := range keys(row, seedFields) {
			id := fmt.Sprintf("%q", key)
			if entries[id] == nil {
				entries[id] = &entry{key: key}
			}
			entries[id].count++
		}
	}
	for _, e := range entries {
		row := splunkd.Row{"count": {strconv.Itoa(e.count)}}
		for i, value := range e.key {
			row[seedFields[i]] = []string{value}
		}
		table = append(table, row)
	}
	slices.SortFunc(table, func(a, b splunkd.Row) int {
		for _, field := range seedFields {
			if c := strings.Compare(a[field][0], b[field][0]); c != 0 {
				return c
			}
		}
		return 0
	})
	return table
}

// keys are all combinations of the values of the fields.
func keys(row splunkd.Row, fields []string) [][]string {
	all := [][]string{nil}
	for _, field := range fields {
		var next [][]string
		for _, key := range all {
			for _, value := range row[field] {
				next = append(next, append(slices.Clone(key), value))
			}
		}
		all = next
	}
	return all
}
