package audit

import "bytes"

// End returns the length of the JSON value, an object or an array, that text
// starts with, and whether it is closed. It looks at brackets and strings
// only; what is between them is the decoder's business.
func End(text []byte) (n int, closed bool) {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"':
			j := stringEnd(text[i+1:])
			if j < 0 {
				return len(text), false
			}
			i += j
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth <= 0 {
				return i + 1, true
			}
		}
	}
	return len(text), false
}

// stringEnd returns the length of the rest of a string with its closing quote,
// -1 if there is none.
func stringEnd(text []byte) int {
	for i := 0; ; {
		j := bytes.IndexByte(text[i:], '"')
		if j < 0 {
			return -1
		}
		i += j + 1
		backslashes := 0
		for k := i - 2; k >= 0 && text[k] == '\\'; k-- {
			backslashes++
		}
		if backslashes%2 == 0 {
			return i
		}
	}
}
