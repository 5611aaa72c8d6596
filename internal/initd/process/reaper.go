//go:build linux

// Package process starts the processes of a container and reaps all that end in it, as process 1
// has to.
package process

import (
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/novacron/terraform-provider-novacron/internal/initd"
)

// gone is how long KillAll waits for processes that the kernel does not end, because they wait for
// a disk.
const gone = 10 * time.Second

// Reaper starts processes, and reaps them and all orphans. It is for several goroutines at once.
// A process must have only one, and must not start processes by other means.
type Reaper struct {
	mu      sync.Mutex
	started map[int]chan initd.Exit // by process, until it is reaped
	reaped  chan struct{}           // closed and replaced at each signal that a process has ended
	alone   bool                    // there is no other process
}

// NewReaper begins to reap.
func NewReaper() *Reaper {
	r := &Reaper{started: map[int]chan initd.Exit{}, reaped: make(chan struct{})}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	go func() {
		for range ended {
			r.reap()
		}
	}()
	return r
}

// Child is a process that a Reaper started.
type Child struct {
	PID    int
	exited <-chan initd.Exit
	reaper *Reaper
}

// Start starts a process. Its errors are those of syscall.ForkExec.
func (r *Reaper) Start(program string, args []string, attr *syscall.ProcAttr) (*Child, error) {
	r.mu.Lock() // so that it is not reaped before it is known
	defer r.mu.Unlock()
	pid, err := syscall.ForkExec(program, args, attr)
	if err != nil {
		return nil, err
	}
	exited := make(chan initd.Exit, 1)
	r.started[pid] = exited
	r.alone = false
	return &Child{PID: pid, exited: exited, reaper: r}, nil
}

// Exited receives once, when the process has ended.
func (c *Child) Exited() <-chan initd.Exit { return c.exited }

// Signal sends a signal to the process, if it has not ended.
func (c *Child) Signal(number int) { c.signal(c.PID, number) }

// Kill ends the process, and those in its process group if it leads one.
func (c *Child) Kill() { c.signal(-c.PID, int(unix.SIGKILL)); c.signal(c.PID, int(unix.SIGKILL)) }

func (c *Child) signal(pid, number int) {
	c.reaper.mu.Lock() // its number stays its own while it is not reaped
	defer c.reaper.mu.Unlock()
	if _, there := c.reaper.started[c.PID]; there {
		_ = unix.Kill(pid, unix.Signal(number)) // it may have ended just now
	}
}

func (r *Reaper) reap() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		r.alone = errors.Is(err, unix.ECHILD)
		if err != nil || pid <= 0 {
			break
		}
		if exited, known := r.started[pid]; known {
			exited <- exitOf(status)
			delete(r.started, pid)
		}
	}
	close(r.reaped)
	r.reaped = make(chan struct{})
}

// signalled is what shells add to the number of a signal to get an exit code.
const signalled = 128

func exitOf(status unix.WaitStatus) initd.Exit {
	if status.Signaled() {
		return initd.Exit{Code: signalled + int(status.Signal()), Signal: int(status.Signal()), At: time.Now()}
	}
	return initd.Exit{Code: status.ExitStatus(), At: time.Now()}
}

// KillAll ends all other processes of the container, and returns when they are gone. It does
// nothing outside of a container.
func (r *Reaper) KillAll() {
	if os.Getpid() != 1 {
		return // -1 would be all processes of the machine
	}
	deadline := time.NewTimer(gone)
	defer deadline.Stop()
	for {
		r.mu.Lock()
		reaped := r.reaped
		r.mu.Unlock()
		if err := unix.Kill(-1, unix.SIGKILL); errors.Is(err, unix.ESRCH) {
			r.reap()
			return
		}
		r.reap()
		r.mu.Lock()
		alone := r.alone
		r.mu.Unlock()
		if alone {
			return
		}
		select {
		case <-reaped:
		case <-time.After(gone / 100): // an orphan may have become ours without a signal
		case <-deadline.C:
			return
		}
	}
}
