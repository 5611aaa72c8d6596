//go:build linux

package confine

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sigaction is struct sigaction of the kernel on the architectures that nova-init is built for
// (asm/signal.h).
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

// The kernel's names for handlers, and how a mask is set (asm-generic/signal-defs.h).
const (
	sigDefault = 0
	sigIgnored = 1
	setMask    = 2
	maskSize   = 8 // bytes
	maxSignal  = 64
)

// ResetSignals has the program that the thread executes next begin without ignored and blocked
// signals. What started nova-init may have left some, and an execution does not change them.
func ResetSignals() error {
	for number := uintptr(1); number <= maxSignal; number++ {
		var now sigaction
		if err := rawAction(number, nil, &now); errors.Is(err, unix.EINVAL) {
			continue // there is no such signal
		} else if err != nil {
			return os.NewSyscallError("rt_sigaction", detached{err})
		}
		if now.handler != sigIgnored {
			continue
		}
		if err := rawAction(number, &sigaction{handler: sigDefault}, nil); err != nil {
			return os.NewSyscallError("rt_sigaction", detached{err})
		}
	}
	var none uint64
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, setMask,
		uintptr(unsafe.Pointer(&none)), 0, maskSize, 0, 0) //nolint:gosec // the kernel reads it
	if errno != 0 {
		return os.NewSyscallError("rt_sigprocmask", detached{errno})
	}
	return nil
}

func rawAction(number uintptr, to, before *sigaction) error {
	//nolint:gosec // the kernel reads and writes them
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, number, uintptr(unsafe.Pointer(to)),
		uintptr(unsafe.Pointer(before)), maskSize, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
