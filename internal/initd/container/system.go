//go:build linux

package container

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

// systemInit is what a system container runs as process 1.
const systemInit = "/sbin/init"

// becomeSystem executes the image's init in place of nova-init. The status stays as it is then.
func (c *container) becomeSystem() int {
	c.status.change(func(s *initd.Status) { s.State = initd.StateRunning })
	c.log.Close()
	err := unix.Exec(systemInit, []string{systemInit}, os.Environ())
	c.status.change(func(s *initd.Status) {
		s.State = initd.StateFailed
		s.Error = &initd.Failure{Code: initd.FailedStart,
			Message: fmt.Sprintf("cannot start [%s]: %v", systemInit, err)}
	})
	return noStart
}
