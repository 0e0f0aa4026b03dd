// Package judge says what an audit event means: whether the request was
// anonymous, whether it was let in, by which binding, and how bad that is.
//
// It is pure: event in, Verdict out, no I/O, no Splunk. The knowledge stands
// in tables: categories in category.go (first match wins), what raises or
// lowers their numbers in modifier.go.
//
// # Evidence
//
// A client writes the URI, the user agent, the audit ID, the request body and
// every source address but the last. Such a field may raise a score; it never
// lowers one and never makes a row disappear. What is benign is decided by
// what the server wrote: the exact path it served together with the binding
// that its authorizer names.
package judge
