package sessionhosts

import (
	"fmt"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// apart puts a command into a process group of its own.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// Freeze makes the host's daemon stand still. It does not answer until Thaw.
func (h Host) Freeze() error { return h.signal(unix.SIGSTOP) }

// Thaw lets the host's daemon go on.
func (h Host) Thaw() error { return h.signal(unix.SIGCONT) }

func (h Host) signal(s syscall.Signal) error {
	pid, err := h.pid()
	if err != nil {
		return err
	}
	return syscall.Kill(pid, s)
}

// pid is the number of the host's daemon. The daemon itself knows another one, in its PID namespace.
func (h Host) pid() (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: h.Socket}); err != nil {
		return 0, fmt.Errorf("connecting to host %s: %w", h.Name, err)
	}
	peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return 0, err
	}
	return int(peer.Pid), nil
}
