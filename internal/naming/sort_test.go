package naming

import (
	"slices"
	"testing"
)

func TestNamesAreOrderedAsAReaderWould(t *testing.T) {
	names := []string{
		"eth10", "eth2", "eth1", "data", "disk-2-10", "disk-2-9", "eth", "a1b", "a01b", "a1", "eth02", "z",
	}
	slices.SortFunc(names, naturalCompare)
	want := []string{"a1", "a01b", "a1b", "data", "disk-2-9", "disk-2-10", "eth", "eth1", "eth02", "eth2", "eth10", "z"}
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

// FuzzNaturalCompare checks that the comparison is a consistent order, which sorting requires.
func FuzzNaturalCompare(f *testing.F) {
	f.Add("eth10", "eth2", "eth02")
	f.Add("a1", "a01", "a001b")
	f.Add("", "0", "00")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if naturalCompare(a, b) != -naturalCompare(b, a) {
			t.Errorf("%q and %q: %d one way, %d the other", a, b, naturalCompare(a, b), naturalCompare(b, a))
		}
		if naturalCompare(a, b) == 0 && a != b {
			t.Errorf("%q and %q count as the same", a, b)
		}
		if naturalCompare(a, b) < 0 && naturalCompare(b, c) < 0 && naturalCompare(a, c) >= 0 {
			t.Errorf("%q < %q < %q, but not %q < %q", a, b, c, a, c)
		}
	})
}
