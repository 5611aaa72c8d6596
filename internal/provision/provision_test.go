package provision

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

func TestWhatAGuestWroteIsShownButNotKept(t *testing.T) {
	err := error(&ReadinessError{Instance: "web", Condition: WaitIP, Waited: 90 * time.Second, LastSeen: "no lease", Console: "password: x", Err: errors.New("the guest is crashed")})
	const said = `instance "web" was not ready: condition "ip" was not met after 1m30s; last seen: no lease: the guest is crashed`
	if text := err.Error(); !strings.HasPrefix(text, said) || !strings.Contains(text, "password: x") {
		t.Errorf("it says %q", text)
	}
	if text := cause(errors.Join(err)); text != said {
		t.Errorf("kept is %q, want %q", text, said)
	}
	if text := cause(errors.New("other")); text != "other" {
		t.Errorf("kept is %q", text)
	}
}

func TestConsoleTextDoesNotMoveTheCursor(t *testing.T) {
	if got := printable([]byte("a\x1b[2Jb\r\n\tc\x00\xff\x7fd ü")); got != "a[2Jb\n\tcd ü" {
		t.Errorf("got %q", got)
	}
}

func TestNamesOnTheHostTellTenantsApart(t *testing.T) {
	for want, got := range map[string]string{
		"web":                           naming.Domain("default", "web"),
		"t1.web":                        naming.Domain("t1", "web"),
		"nova.disk.t1.web.system.qcow2": naming.Disk("t1", "web", "system", "qcow2"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for _, volume := range []string{naming.Disk("t1", "web-2", "a", "raw"), naming.Disk("t2", "web", "a", "raw"), naming.Seed("t1", "we")} {
		if slices.ContainsFunc(naming.InstancePrefixes("t1", "web"), func(prefix string) bool { return strings.HasPrefix(volume, prefix) }) {
			t.Errorf("%q is taken for one of t1/web", volume)
		}
	}
	for _, volume := range []string{naming.Disk("t1", "web", "a", "raw"), naming.Seed("t1", "web"), naming.Console("t1", "web") + ".0"} {
		if !slices.ContainsFunc(naming.InstancePrefixes("t1", "web"), func(prefix string) bool { return strings.HasPrefix(volume, prefix) }) {
			t.Errorf("%q is not taken for one of t1/web", volume)
		}
	}
}
