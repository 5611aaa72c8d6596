package parent

import (
	"os"

	"golang.org/x/sys/unix"
)

// watch returns a function that returns when the parent has ended. A parent's end shows in two
// ways: this process gets another parent, and its standard output and error lose their readers. The
// second sign also works if a script between Terraform and this process lives on.
//
// prctl's PR_SET_PDEATHSIG does not help: it reports the end of the parent's thread (prctl(2)),
// which means nothing in a Go program.
func watch() (ended func()) {
	parent := os.Getppid()
	var pipes []unix.PollFd
	for _, fd := range []int{unix.Stdout, unix.Stderr} {
		var s unix.Stat_t
		if unix.Fstat(fd, &s) == nil && s.Mode&unix.S_IFMT == unix.S_IFIFO {
			pipes = append(pipes, unix.PollFd{Fd: int32(fd)}) // POLLERR is always reported: see poll(2)
		}
	}
	return func() {
		for os.Getppid() == parent {
			n, err := unix.Poll(pipes, int(look.Milliseconds()))
			if err == nil && n > 0 && unread(pipes) {
				return
			}
		}
	}
}

// unread reports whether a pipe has lost its reader.
func unread(pipes []unix.PollFd) bool {
	for _, p := range pipes {
		if p.Revents&(unix.POLLERR|unix.POLLHUP) != 0 {
			return true
		}
	}
	return false
}
