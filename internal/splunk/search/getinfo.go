package search

import (
	"encoding/json"
	"fmt"
)

// Getinfo is the first request: what splunkd tells about the search. The
// session key that it holds is not read, so that it can never be logged.
type Getinfo struct {
	Preview bool
	Searchinfo
}

// Searchinfo is the part of a getinfo request that commands use.
type Searchinfo struct {
	Args          []string `json:"args"`     // the words after the command, without quotes; commas between them are gone
	RawArgs       []string `json:"raw_args"` // the same as typed
	SID           string   `json:"sid"`
	App           string   `json:"app"`
	Owner         string   `json:"owner"`
	Username      string   `json:"username"`
	Command       string   `json:"command"`
	Search        string   `json:"search"` // percent-encoded SPL
	SplunkVersion string   `json:"splunk_version"`
}

// Info is the reply to getinfo.
type Info struct {
	Type           string   // "streaming": on the indexers and in parallel; "stateful": on the search head and in order
	RequiredFields []string // the only fields that splunkd shall send; nil for all
}

// request is the metadata of any request.
type request struct {
	Action     string     `json:"action"`
	Preview    bool       `json:"preview"`
	Finished   bool       `json:"finished"`
	Searchinfo Searchinfo `json:"searchinfo"`
}

func parseRequest(metadata []byte) (request, error) {
	var r request
	if err := json.Unmarshal(metadata, &r); err != nil {
		return r, fmt.Errorf("the metadata of a request is not JSON as expected: %w", err)
	}
	return r, nil
}

// infoReply is the metadata of the reply to getinfo. splunkd knows more keys,
// none of which is needed; it is not known to bear others.
type infoReply struct {
	Type           string   `json:"type"`
	RequiredFields []string `json:"required_fields,omitempty"`
	Error          string   `json:"error,omitempty"`
	Finished       bool     `json:"finished,omitempty"`
}

// executeReply is the metadata of the reply to execute.
type executeReply struct {
	Finished  bool       `json:"finished"`
	Inspector *inspector `json:"inspector,omitempty"`
}

type inspector struct {
	Messages [][2]string `json:"messages"`
}
