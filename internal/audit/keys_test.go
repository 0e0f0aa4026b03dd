package audit

import "testing"

// TestKeys: every key of an event has a reader, and the texts of an object are as
// many as its keys.
func TestKeys(t *testing.T) {
	text := []byte(`{`)
	for i, key := range eventKeys {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, `"`+key+`":"audit.k8s.io/v1"`...)
	}
	var d Decoder
	if _, err := d.Decode(append(text, '}')); err != nil { // a key without a reader panics
		t.Error(err)
	}
	for name, got := range map[string]int{
		"objectRef": textCode - textResource - len(objectRefKeys), "responseStatus": textDecision - textCode - len(responseStatusKeys),
		"annotations": numTexts - textDecision - len(annotationKeys), "user": textImpersonatedUser - textUser - 2,
	} {
		if got != 0 {
			t.Errorf("%s: %d texts too many", name, got)
		}
	}
}
