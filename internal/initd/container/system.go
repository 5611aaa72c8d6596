//go:build linux

package container

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/initd/confine"
)

// systemInit is what a system container runs as process 1.
const systemInit = "/sbin/init"

// becomeSystem executes the image's init in place of nova-init. It returns only if that fails. The
// status stays as it is then, and the log has what the system writes to its console.
func (c *container) becomeSystem() int {
	runtime.LockOSThread() // signals are blocked for a thread
	c.log.Close()          // a process of its own goes on with it
	err := c.openConsole()
	if err == nil {
		err = errors.Join(c.launcher.Expose(), confine.ResetSignals())
	}
	if err == nil {
		c.status.change(func(s *initd.Status) { s.State = initd.StateRunning })
		err = unix.Exec(systemInit, []string{systemInit}, os.Environ())
	}
	c.status.change(func(s *initd.Status) {
		s.State = initd.StateFailed
		s.Error = failed(initd.FailedStart, fmt.Errorf("cannot start [%s]: %w", systemInit, err))
	})
	return noStart
}

// openConsole gives the system a console that goes to the log, as /dev/console, and as what process
// 1 reads and writes.
func (c *container) openConsole() error {
	console, path, err := c.launcher.Console(c.logFile)
	if err != nil {
		return fmt.Errorf("making a console: %w", err)
	}
	defer console.Close()
	const file = "/dev/console"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return fmt.Errorf("making a console: %w", err)
	}
	if err := unix.Mount(path, file, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting %s: %w", file, err)
	}
	for fd := range 3 {
		if err := unix.Dup3(int(console.Fd()), fd, 0); err != nil {
			return fmt.Errorf("opening %s: %w", file, err)
		}
	}
	return nil
}
