package kind

import "strings"

// consoleLines is how many lines of what a guest has written an error shows.
const consoleLines = 20

// LastLines returns the last lines of what a guest has written, as errors show them.
func LastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-consoleLines):], "\n")
}

// Printable drops characters that would move a reader's cursor, and what is not UTF-8.
func Printable(data []byte) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r >= ' ' && r != 0x7f && r != 0xfffd {
			return r
		}
		return -1
	}, string(data))
}
