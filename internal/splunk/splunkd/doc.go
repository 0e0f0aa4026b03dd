// Package splunkd plays splunkd to a search command: it sends what splunkd
// sends, and holds what comes back against the protocol more strictly than
// splunkd does. The demo runs on it, and so do the tests.
//
// It shares no parsing with the command's side, so that a mistake there cannot
// hide here. It is no splunkd: what that does with a reply that breaks the
// rules is not known, here it is a ViolationError.
package splunkd
