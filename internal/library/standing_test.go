package library

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
)

// Only another image than was looked at is its source's fault.
func TestASourceIsBlamedForItsImageAlone(t *testing.T) {
	u := &upload{library: (&memory{}).as(t, "shop", "ann")}
	for name, c := range map[string]struct {
		err    error
		blamed bool
	}{
		"another image":     {&standingError{"/p/a"}, true},
		"another format":    {&hypervisor.FormatError{Probed: "raw", Defined: "qcow2"}, true},
		"a lost connection": {&hypervisor.Error{Op: "reading", Object: "it", Err: hypervisor.ErrUnreachable}, false},
		"the end of time":   {context.DeadlineExceeded, false},
	} {
		err := u.blame(hypervisor.Volume{Name: "v"}, c.err)
		if blamed := strings.Contains(err.Error(), "see who writes to its source"); blamed != c.blamed || !errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := u.blame(hypervisor.Volume{}, nil); err != nil {
		t.Error(err)
	}
}
