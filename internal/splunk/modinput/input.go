package modinput

import (
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
)

// Input is what splunkd tells an input that it starts.
type Input struct {
	ServerHost    string
	ServerURI     string // of splunkd, such as https://127.0.0.1:8089
	SessionKey    string // a secret
	CheckpointDir string
	Stanzas       []Stanza
}

// Stanza is one configured input.
type Stanza struct {
	Name   string // with its scheme when it is run, without when it is validated
	App    string
	Params map[string]string
}

// Read reads a configuration: an <input> of a run or the <items> of a
// validation, in UTF-8 or UTF-16. Elements that it does not know are passed
// over. It stops behind the document, whether or not the pipe is closed.
func Read(r io.Reader) (in Input, err error) {
	d := xml.NewDecoder(io.LimitReader(utf8Reader(r), maxInput))
	// The text is UTF-8 by now, whatever its declaration says.
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	var doc struct {
		XMLName       xml.Name
		ServerHost    string   `xml:"server_host"`
		ServerURI     string   `xml:"server_uri"`
		SessionKey    string   `xml:"session_key"`
		CheckpointDir string   `xml:"checkpoint_dir"`
		Stanzas       []stanza `xml:"configuration>stanza"`
		Items         []stanza `xml:"item"`
	}
	if err := d.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return in, errors.New("no configuration on standard input: splunkd writes one there when it starts the input (on the command line: kubeanon help)")
		}
		return in, fmt.Errorf("the configuration on standard input: %w", err)
	}
	if name := doc.XMLName.Local; name != "input" && name != "items" {
		return in, fmt.Errorf("the configuration on standard input is <%s>, but must be <input> or <items>", name)
	}
	in = Input{ServerHost: doc.ServerHost, ServerURI: doc.ServerURI, SessionKey: doc.SessionKey, CheckpointDir: doc.CheckpointDir}
	for _, s := range append(doc.Stanzas, doc.Items...) {
		params := map[string]string{}
		for _, p := range s.Params {
			params[p.Name] = p.Value
		}
		in.Stanzas = append(in.Stanzas, Stanza{s.Name, s.App, params})
	}
	return in, nil
}

type stanza struct {
	Name   string `xml:"name,attr"`
	App    string `xml:"app,attr"`
	Params []struct {
		Name  string `xml:"name,attr"`
		Value string `xml:",chardata"`
	} `xml:"param"`
}

// utf8Reader turns UTF-16 with a byte order mark into UTF-8; all else is taken
// for that.
func utf8Reader(r io.Reader) io.Reader { return &transcoder{r: r} }

type transcoder struct {
	r     io.Reader
	order binary.ByteOrder // nil for UTF-8
	begun bool
	out   []byte
	high  rune // the first half of a surrogate pair
}

func (t *transcoder) Read(p []byte) (int, error) {
	if !t.begun {
		t.begun = true
		var mark [2]byte
		n, err := io.ReadFull(t.r, mark[:])
		switch {
		case n == 2 && mark == [2]byte{0xff, 0xfe}:
			t.order = binary.LittleEndian
		case n == 2 && mark == [2]byte{0xfe, 0xff}:
			t.order = binary.BigEndian
		default:
			t.out = append(t.out, mark[:n]...)
			if err != nil && n == 0 {
				return 0, io.EOF
			}
		}
	}
	for len(t.out) == 0 {
		if t.order == nil {
			return t.r.Read(p)
		}
		var unit [2]byte
		if _, err := io.ReadFull(t.r, unit[:]); err != nil {
			return 0, io.EOF
		}
		r := rune(t.order.Uint16(unit[:]))
		switch {
		case t.high != 0:
			t.out = append(t.out, string(utf16.DecodeRune(t.high, r))...)
			t.high = 0
		case utf16.IsSurrogate(r):
			t.high = r
		default:
			t.out = append(t.out, string(r)...)
		}
	}
	n := copy(p, t.out)
	t.out = t.out[n:]
	return n, nil
}
