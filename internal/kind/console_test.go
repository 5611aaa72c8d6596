package kind

import (
	"strings"
	"testing"
)

func TestConsoleTextDoesNotMoveTheCursor(t *testing.T) {
	if got := Printable([]byte("a\x1b[2Jb\r\n\tc\x00\xff\x7fd ü")); got != "a[2Jb\n\tcd ü" {
		t.Errorf("got %q", got)
	}
}

func TestTheLastLinesAreShown(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "",
		"\n one\ntwo\n\n":              "one\ntwo",
		strings.Repeat("line\n", 1000): strings.TrimSpace(strings.Repeat("line\n", consoleLines)),
	} {
		if got := LastLines(text); got != want {
			t.Errorf("of %.20q it shows %q, want %q", text, got, want)
		}
	}
}
