// Package appconf holds the tests of the app's .conf files, which no compiler
// reads: what one of them names must be where it points.
package appconf
