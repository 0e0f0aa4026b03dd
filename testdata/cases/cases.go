// Package cases embeds the cases by which rules are tested; see README.md of
// the folder above.
package cases

import "embed"

// Files holds events.ndjson and expectations.ndjson.
//
//go:embed *.ndjson
var Files embed.FS
