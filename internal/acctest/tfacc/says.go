package tfacc

import (
	"regexp"
	"strings"
	"testing"
)

// Prose returns Terraform's output as one line, without the frames and line breaks of diagnostics.
func Prose(output string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╷", " ", "╵", " ").Replace(output)), " ")
}

// noise matches text that is of no use to a user: Go's formats, and names from lower layers.
var noise = regexp.MustCompile(`%!|<nil>|panic|goroutine|rpc error|0x[0-9a-f]{4,}|context (canceled|deadline ` +
	`exceeded)|&\{|map\[|` +
	`basetypes|tftypes|go-libvirt|\bcatalog\.|\berrno\b|\bEOF\b`)

// console matches what a diagnostic quotes of a guest's console, up to the next empty line. The guest's
// kernel may write anything there.
var console = regexp.MustCompile(`(?s)The end of the guest's console:.*?\n[│ ]*\n`)

// Says checks that Terraform's output has all phrases, in this order, and no noise.
func Says(t testing.TB, output string, phrases ...string) {
	t.Helper()
	rest := Prose(output)
	if found := noise.FindString(Prose(console.ReplaceAllString(output, ""))); found != "" {
		t.Errorf("%q is nothing to tell a user:\n%s", found, output)
	}
	for _, phrase := range phrases {
		_, after, found := strings.Cut(rest, phrase)
		if !found {
			t.Errorf("%q is not said, or not after what should come before it:\n%s", phrase, output)
			return
		}
		rest = after
	}
}
