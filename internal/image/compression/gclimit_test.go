package compression

import (
	"runtime/debug"
	"testing"
)

func TestGarbageIsAsBeforeOnceNobodyLimitsIt(t *testing.T) {
	percent := func() int {
		now := debug.SetGCPercent(50)
		debug.SetGCPercent(now)
		return now
	}
	defer debug.SetGCPercent(percent())
	for _, before := range []int{100, 5, -1} { // the default, less, and switched off
		debug.SetGCPercent(before)
		first, second := limitGarbage(), limitGarbage()
		if got, want := percent(), min(before, gcPercent); got != want {
			t.Errorf("from %d it is %d, want %d", before, got, want)
		}
		first()
		first()
		if got, want := percent(), min(before, gcPercent); got != want {
			t.Errorf("from %d, while one is left, it is %d, want %d", before, got, want)
		}
		second()
		if got := percent(); got != before {
			t.Errorf("from %d it has become %d", before, got)
		}
	}
}
