// Package chunk reads and writes the frames of Splunk's search command
// protocol, version 2 (commands.conf: chunked = true):
//
//	chunked 1.0,<metadata length>,<body length>\n<metadata><body>
//
// Lengths count bytes. Nothing stands between the parts or between frames, so
// a stream is never read by lines. What the metadata and the body hold is the
// business of packages search and rows.
package chunk
