// Package version knows which kubeanon this is.
package version

// Version is stamped by build.sh from default/app.conf; a build without it is
// a developer's.
var Version = "0.0.0-dev"
