// Package envelope finds the audit events in a text: the event itself, and
// what shippers wrap around it. One file per format; the table of formats is
// in envelope.go.
//
// A wrapper is known by its shape, never by a sourcetype, which users change.
// What it carries may be an object, an array, a string that holds JSON, or
// base64, compressed or not; it is unwrapped again, to a bounded depth and
// size. A format that is an audit event in another dialect (GKE) is translated
// to the same Event, so that judgement sees no difference.
//
// To add a format: a file with its shape and what it carries, a line in
// formats, a folder in testdata with an example, and its expected events.
package envelope
