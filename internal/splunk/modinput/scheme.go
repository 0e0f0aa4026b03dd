package modinput

import (
	"encoding/xml"
	"fmt"
	"io"
)

// Scheme says to splunkd what the input is, and which settings a stanza has.
type Scheme struct {
	XMLName            xml.Name `xml:"scheme"`
	Title              string   `xml:"title"`
	Description        string   `xml:"description"`
	ExternalValidation bool     `xml:"use_external_validation"`
	SingleInstance     bool     `xml:"use_single_instance"`
	StreamingMode      string   `xml:"streaming_mode"` // "xml"
	Args               []Arg    `xml:"endpoint>args>arg"`
}

// Arg is a setting of a stanza.
type Arg struct {
	Name             string `xml:"name,attr"`
	Title            string `xml:"title"`
	Description      string `xml:"description"`
	DataType         string `xml:"data_type"` // string, number or boolean; values come as text all the same
	RequiredOnEdit   bool   `xml:"required_on_edit"`
	RequiredOnCreate bool   `xml:"required_on_create"` // splunkd takes true where it is not said
}

// Write writes the answer to --scheme.
func (s *Scheme) Write(w io.Writer) error {
	text, err := xml.MarshalIndent(s, "", "  ")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}

// WriteError writes the answer to --validate-arguments where something is
// wrong: one line that the user sees.
func WriteError(w io.Writer, message string) error {
	text, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"error"`
		Message string   `xml:"message"`
	}{Message: oneLine(message)})
	if err != nil {
		panic("BUG: " + err.Error())
	}
	_, err = fmt.Fprintf(w, "%s\n", text)
	return err
}
