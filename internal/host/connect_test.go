package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
)

// A machine that has taken the connection is on, whatever it says then.
func TestAMachineIsAwayIfNothingTakesTheConnection(t *testing.T) {
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	for away, all := range map[bool][]error{
		true: {
			dial(os.ErrDeadlineExceeded), dial(syscall.EHOSTUNREACH), dial(syscall.ECONNREFUSED),
			fmt.Errorf("SSH to kvm1: %w", dial(syscall.ENETUNREACH)),
		},
		false: {
			errors.New("ssh: unable to authenticate"), context.DeadlineExceeded, ErrNoAnswer,
			&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")},
			&net.OpError{Op: "read", Err: syscall.ECONNRESET}, dial(&net.DNSError{Name: "kvm1", IsNotFound: true}),
		},
	} {
		for _, err := range all {
			if got := (&ConnectError{URI: "qemu:///system", Err: err}).Away(); got != away {
				t.Errorf("%v: away: %t", err, got)
			}
		}
	}
}
