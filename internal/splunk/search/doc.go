// Package search holds the conversation between splunkd and a search command:
// one getinfo request, then execute requests until splunkd has no more rows,
// and exactly one reply to each.
//
// # Errors
//
// An option is refused in the reply to getinfo, by the key "error": an ERROR
// message there is thrown away by splunkd 9.4. Later, a search that cannot go
// on must FAIL and keep the message: that takes a reply with an ERROR message
// and finished false, and an exit status that is not zero. With finished true
// the job would count as done; without a reply the user would read only that
// the command "exited unexpectedly".
//
// # Selected fields
//
// If the reply to getinfo names required fields, splunkd sends only these and
// _chunked_idx, by which it finds the rest of the row again. For this package
// that is a column like any other; a command passes it through unchanged.
package search
