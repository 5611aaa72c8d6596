package naming

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// SortedNames returns the keys of a map, ordered as a reader would order them: eth2 before eth10.
func SortedNames[V any](m map[string]V) []string {
	return slices.SortedFunc(maps.Keys(m), naturalCompare)
}

// naturalCompare orders names with numbers in them by the numbers' values.
func naturalCompare(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		if isDigit(x[0]) && isDigit(y[0]) {
			nx, ny := digits(x), digits(y)
			if c := compareNumbers(nx, ny); c != 0 {
				return c
			}
			x, y = x[len(nx):], y[len(ny):]
			continue
		}
		if x[0] != y[0] {
			return cmp.Compare(x[0], y[0])
		}
		x, y = x[1:], y[1:]
	}
	if c := cmp.Compare(len(x), len(y)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func digits(s string) string {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return s[:i]
}

func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}
