package readiness

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// A guest that answers at once is asked each second. One that takes long to answer is left alone
// for longer, but not for ever.
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
	for advice, longer := range map[string]bool{
		"":                true,
		adviceNoAgent:     true,
		adviceNoReport:    true,
		adviceNoCloudInit: false,
		adviceDisabled:    false,
		adviceFailed:      false,
		adviceOff:         false,
		adviceUnreported:  false,
	} {
		text := (&Error{Instance: "web", Condition: kind.WaitIP, LastSeen: "nothing", Advice: advice}).Error()
		if strings.Contains(text, "timeouts to wait longer") != longer ||
			strings.Contains(text, "A longer time does not help") == longer {
			t.Errorf("it says\n%s", text)
		}
	}
}

func TestWhatAGuestWroteIsShownButNotKept(t *testing.T) {
	err := error(&Error{Instance: "web", Condition: kind.WaitIP, Waited: 90 * time.Second, LastSeen: "no lease",
		Console: "password: x", Err: errors.New("the guest is crashed")})
	const said = `instance "web" was not ready: condition "ip" was not met after 1m30s; last seen: no lease: the ` +
		`guest is crashed`
	if text := err.Error(); !strings.HasPrefix(text, said) || !strings.Contains(text, "password: x") {
		t.Errorf("it says %q", text)
	}
	if text := kind.Kept(errors.Join(err)); text != said {
		t.Errorf("kept is %q, want %q", text, said)
	}
	if text := kind.Kept(errors.New("other")); text != "other" {
		t.Errorf("kept is %q", text)
	}
}
