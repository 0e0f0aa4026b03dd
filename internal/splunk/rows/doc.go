// Package rows reads and writes the body of a chunk: Splunk's CSV.
//
// splunkd writes UTF-8 without a byte order mark, rows end with LF, a cell is
// quoted unless it is empty or all letters and digits, quotes in it are
// doubled, line breaks in it are raw. First come all columns, then for each a
// twin __mv_<name> that holds its values if there are several: "$a$;$b$", "$"
// in a value doubled; the main cell then holds them joined with LF. An empty
// cell is an absent field.
//
// encoding/csv is the oracle of the tests but not the reader: it allocates for
// each cell, and it turns CRLF inside a cell into LF.
//
// # How rows are found
//
// A quote anywhere toggles between inside and outside of quoting, since
// splunkd quotes whole cells only. A row therefore ends at the first LF that
// an even number of quotes precedes, and can be found without looking at
// cells. Reader does only that; a row is split when somebody asks for a cell.
package rows
