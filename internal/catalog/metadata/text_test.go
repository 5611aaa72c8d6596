package metadata

import (
	"encoding/xml"
	"testing"
)

// The metadata keep what libvirt's XML cannot hold, and a description that was changed in the
// domain since takes precedence.
func TestADescriptionIsKeptAsItIs(t *testing.T) {
	for description, want := range map[string]string{
		"":                                    "",
		"plain <&>\n\ttext ä\U0001f600\u0085": "plain <&>\n\ttext ä\U0001f600\u0085",
		" with spaces ":                       " with spaces ",
		"a\r\nb\rc":                           "a\nb\nc",
		"\x00\x01\x1b[31m":                    "\ufffd\ufffd\ufffd[31m",
		"\ufffe\uffff":                        "\ufffd\ufffd",
		" \n":                                 "",
		"\xff":                                "\ufffd",
	} {
		shown, exact := Described(description)
		if shown != want || (exact == "") != (shown == description) {
			t.Errorf("%q is shown as %q, want %q, and kept as %q", description, shown, want, exact)
		}
		facts, err := Facts{Tenant: "t", Name: "n", Description: exact}.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		var read Facts
		if err := xml.Unmarshal([]byte(facts), &read); err != nil {
			t.Fatal(err)
		}
		if got := DescriptionOf(shown, read.Description); got != description {
			t.Errorf("%q is read as %q", description, got)
		}
		if got := DescriptionOf("changed by hand", read.Description); got != "changed by hand" {
			t.Errorf("%q is read as %q though somebody changed it", description, got)
		}
	}
}
