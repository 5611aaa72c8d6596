package imagestore

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
)

// The source is blamed only if it is another image than the one that was looked at.
func TestASourceIsBlamedForItsImageAlone(t *testing.T) {
	u := &upload{store: inMemory(t).Store}
	for name, c := range map[string]struct {
		err    error
		blamed bool
	}{
		"another image":     {&volumes.NotStandingError{On: "/p/a"}, true},
		"another format":    {&host.FormatError{Probed: "raw", Defined: "qcow2"}, true},
		"a lost connection": {&host.Error{Op: "reading", Object: "it", Err: host.ErrUnreachable}, false},
		"the end of time":   {context.DeadlineExceeded, false},
	} {
		err := u.blame(host.Volume{Name: "v"}, c.err)
		if blamed := strings.Contains(err.Error(), "find out what writes to its source"); blamed != c.blamed ||
			!errors.Is(err, c.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := u.blame(host.Volume{}, nil); err != nil {
		t.Error(err)
	}
}
