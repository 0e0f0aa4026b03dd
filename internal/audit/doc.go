// Package audit reads events of the Kubernetes audit log (audit.k8s.io/v1).
//
// It holds what an event says and nothing of what that means: judgement is in
// package judge, wrappers around events are in package envelope. It does no
// I/O. It is the only package that knows json-iterator.
//
// # What the decoder promises
//
// Whoever can send a request to an API server writes parts of its audit log,
// and whoever can write to a log pipeline writes all of it. Decoder therefore
// answers one question exactly, whatever the rest of the text looks like: does
// this event name an anonymous identity? Its policy:
//
//   - Names are compared byte for byte, after JSON unescaping.
//   - A key given twice is tampering. Of two users the anonymous one is kept,
//     of two group lists the union; of all else the last wins, as in
//     encoding/json. The event is marked Tampered.
//   - A key in another letter case ("User") is what encoding/json would take
//     for the real one. It is read, and the event is marked Tampered, unless the
//     key is all in lower case: Athena and Glue write every key so.
//   - A text that ends or breaks after the identity was read gives an event
//     that is marked Partial. Before the identity it gives ErrCut: nothing can
//     be said, and that is to be counted, not dropped.
package audit
