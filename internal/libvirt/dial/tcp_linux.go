package dial

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// limitUnacked sets TCP_USER_TIMEOUT, see tcp(7).
func limitUnacked(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unackedFor.Milliseconds()))
	})
	if err != nil {
		return err
	}
	return failed
}
