package provision

import (
	"testing"
	"time"
)

// A guest that answers at once is asked each second; one that takes long over an answer is left alone for longer, but not for ever.
func TestABusyGuestIsAskedLessOften(t *testing.T) {
	for took, want := range map[time.Duration]time.Duration{
		0: pollMax, pollMax / 2: pollMax, 3 * time.Second: 6 * time.Second, time.Minute: busyMax,
	} {
		if got := nextLook(pollMax, took); got != want {
			t.Errorf("after a look that took %s, %s pass, want %s", took, got, want)
		}
	}
}
