package hec

import (
	"net/http"
	"time"
)

// answer is what the collector says.
type answer struct {
	Text   string `json:"text"`
	Code   int    `json:"code"`
	Number *int   `json:"invalid-event-number"`
	AckID  *int64 `json:"ackId"`

	status int
	after  time.Duration // Retry-After
}

// The codes of the collector. What is not here is worth another try.
func (a *answer) ok() bool {
	return a.status == http.StatusOK && (a.Code == 0 || a.Code == 24 || a.Code == 25)
}

func (a *answer) badEvent() bool { return a.Code == 6 || a.Code == 12 || a.Code == 13 || a.Code == 15 }

func (a *answer) fatal() bool {
	switch {
	case a.Code >= 1 && a.Code <= 7, a.Code >= 10 && a.Code <= 16, a.Code == 21, a.Code == 22:
		return true
	}
	switch a.status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	}
	return a.status >= 400 && a.status < 500
}

// hint says what to do.
func (a *answer) hint() string {
	switch a.Code {
	case 1:
		return "; enable the token in Settings > Data inputs > HTTP Event Collector"
	case 2, 3, 4, 16:
		return "; check the token"
	case 7:
		return "; the token may not write to this index, or there is none"
	case 10, 11, 14:
		return "; acknowledgement and the token's \"useACK\" have to agree"
	}
	if a.status >= 400 && a.status < 500 && a.Text == "" || a.status == http.StatusNotFound { // no collector says so little
		return "; is this the address of the collector, as https://HOST:8088?"
	}
	return ""
}
