package provision

import (
	"strings"
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

// A longer time is advised only where it may help.
func TestTheAdviceFits(t *testing.T) {
	for advice, longer := range map[string]bool{"": true, adviceNoAgent: true, adviceNoReport: true, adviceNoCloudInit: false, adviceDisabled: false, adviceFailed: false, adviceOff: false,
		adviceUnreported: false} {
		text := (&ReadinessError{Instance: "web", Condition: WaitIP, LastSeen: "nothing", Advice: advice}).Error()
		if strings.Contains(text, "timeouts to wait longer") != longer || strings.Contains(text, "A longer time does not help") == longer {
			t.Errorf("it says\n%s", text)
		}
	}
}
