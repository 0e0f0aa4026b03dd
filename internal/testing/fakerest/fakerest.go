// Package fakerest plays the REST API of a search head in tests: exports of
// searches, and what the server says of itself.
package fakerest

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
)

// Server is the search head. Set the upper fields before it serves.
type Server struct {
	Token   string
	App     string           // that is installed
	Results []map[string]any // of every search
	Fail    string           // a message of level FATAL instead
	Cut     int              // the connection breaks after so many results; 0 for never
	Short   bool             // with Cut: the answer ends there, as if it were whole
	Hang    bool             // after the results the search goes on until the client leaves

	mu     sync.Mutex
	search map[string]string // the form of the last one
	left   bool
}

// Search is the form of the last search.
func (s *Server) Search() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.search
}

// Left reports whether a client went away before the end.
func (s *Server) Left() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.left
}

func refuse(w http.ResponseWriter, status int, text string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"messages": []map[string]string{{"type": "ERROR", "text": text}}})
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Header.Get("Authorization") != "Bearer "+s.Token:
		refuse(w, 401, "call not properly authenticated")
	case r.URL.Path == "/services/server/info":
		_ = json.NewEncoder(w).Encode(map[string]any{"entry": []any{map[string]any{"content": map[string]any{"version": "10.0.1"}}}})
	case r.Method == http.MethodPost && r.URL.Path == "/servicesNS/nobody/"+s.App+"/search/v2/jobs/export":
		s.export(w, r)
	default:
		refuse(w, 404, "Not Found")
	}
}

func (s *Server) export(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	form := map[string]string{}
	for name := range r.Form {
		form[name] = r.FormValue(name)
	}
	s.mu.Lock()
	s.search = form
	s.mu.Unlock()
	if query := form["search"]; !strings.HasPrefix(query, "search ") && !strings.HasPrefix(query, "|") {
		refuse(w, 400, "Unknown search command '"+strings.Fields(query + " ?")[0]+"'.")
		return
	}
	out := json.NewEncoder(w)
	if s.Fail != "" {
		_ = out.Encode(map[string]any{"messages": []map[string]string{{"type": "FATAL", "text": s.Fail}}})
		return
	}
	_ = out.Encode(map[string]any{"preview": false, "init_offset": 0, "messages": []map[string]string{{"type": "DEBUG", "text": "base lispy"}}})
	for i, result := range s.Results {
		if s.Cut > 0 && i == s.Cut {
			_ = http.NewResponseController(w).Flush() // what is there is sent
			if s.Short {
				return
			}
			panic(http.ErrAbortHandler)
		}
		line := map[string]any{"preview": false, "offset": i, "result": result}
		if i == len(s.Results)-1 && !s.Hang {
			line["lastrow"] = true
		}
		if out.Encode(line) != nil {
			break
		}
	}
	if s.Hang {
		_ = http.NewResponseController(w).Flush() // the client sees that it is gone
		<-r.Context().Done()
		s.mu.Lock()
		s.left = true
		s.mu.Unlock()
	}
}
