// Package modinput speaks splunkd's protocol of modular inputs: the scheme, the
// configuration on standard input, the stream of events on standard output and
// log lines on standard error. It knows nothing of what the events are.
//
// Sources: Splunk's developer pages on modular inputs (ModInputsScripts,
// ModInputsStream), and how the Splunk SDK for Python writes and reads the same.
package modinput
