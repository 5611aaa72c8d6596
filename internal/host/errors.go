package host

import (
	"context"
	"errors"
	"fmt"
)

// The kinds of errors that callers can act on. Use errors.Is.
var (
	// ErrNoDomain: the host has no such domain.
	ErrNoDomain = errors.New("no such domain")
	// ErrNoPool: the host has no such storage pool.
	ErrNoPool = errors.New("no such storage pool")
	// ErrNoVolume: an active pool has no such volume.
	ErrNoVolume = errors.New("no such volume")
	// ErrNoNetwork: the host has no such network.
	ErrNoNetwork = errors.New("no such network")
	// ErrNoNodeDevice: the host has no such device, such as one that was unplugged since it was
	// listed.
	ErrNoNodeDevice = errors.New("no such device")
	// ErrTooManyVolumes: libvirt cannot list the pool, because it has too many volumes.
	ErrTooManyVolumes = errors.New("the pool has too many volumes")
	// ErrPoolInactive: the pool exists but is not active, so its volumes are unknown.
	ErrPoolInactive = errors.New("the storage pool is not active")
	// ErrExists: a volume, pool or domain with this name or UUID exists already.
	ErrExists = errors.New("exists already")
	// ErrUnreachable: no connection could be opened, or the connection was lost or hung during the
	// request. It is unknown whether the host carried the request out.
	ErrUnreachable = errors.New("the host is unreachable")
	// ErrNoAnswer: the host did not answer in time. It is unknown whether it has carried the request
	// out, or will.
	ErrNoAnswer = errors.New("the host did not answer")
	// ErrAgentUnresponsive: the guest agent is not running or does not answer.
	ErrAgentUnresponsive = errors.New("the guest agent does not answer")
	// ErrOperationInvalid: the object is in the wrong state for the operation.
	ErrOperationInvalid = errors.New("invalid in the object's present state")
	// ErrUnsupported: the host's libvirt, or the driver, does not support the operation.
	ErrUnsupported = errors.New("not supported by the host")
	// ErrNoDriver: the host's libvirt does not have the driver that the request is for.
	ErrNoDriver = errors.New("the host's libvirt does not have the driver")
	// ErrDenied: access rules of the host refuse the request.
	ErrDenied = errors.New("denied by the host's access rules")
	// ErrDriverDown: the host answers, but not for the driver that the request is for: the driver is not
	// active, its daemon does not run, or the user may not use it. Its domains are not known.
	ErrDriverDown = errors.New("the host's libvirt cannot use the driver")
	// ErrInternal: libvirt has no better code for the error, for example if QEMU ended while a guest
	// started.
	ErrInternal = errors.New("an error inside libvirt or QEMU")
)

// Unanswered reports whether an error says that the host was not heard: a request may have been
// carried out, or may still be.
func Unanswered(err error) bool { return errors.Is(err, ErrUnreachable) || errors.Is(err, ErrNoAnswer) }

// Driverless reports whether an error says that the host has no use of the driver that the request was
// for, while it answers for others. That is no proof that the driver has no domains: it may have been
// removed, or be down.
func Driverless(err error) bool { return errors.Is(err, ErrNoDriver) || errors.Is(err, ErrDriverDown) }

// Error is what every failed operation returns.
type Error struct {
	Op     string // what was being done: "creating"
	Object string // to what: `volume "x" in pool "y"`
	Err    error
}

// Error reads like: creating volume "x" in pool "y": cause.
func (e *Error) Error() string { return e.Op + " " + e.Object + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// GaveUp makes an *Error of the error of a caller that gave up while it waited for a request of
// another caller. If the caller's deadline had passed, it is ErrNoAnswer. GaveUp returns an error
// that is an *Error already, and nil, as they are.
func GaveUp(op, object string, err error) error {
	if err == nil || errors.As(err, new(*Error)) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	return &Error{Op: op, Object: object, Err: err}
}

// Undescribed is an object that the host lists and cannot describe: libvirt refuses to, or its
// description cannot be understood. An example is a foreign file that has vanished, or turned into
// something else, since libvirt looked at the pool.
type Undescribed struct {
	Pool string // of a volume; empty for a domain
	Name string
	Err  error
}

// String names the object.
func (u Undescribed) String() string {
	if u.Pool == "" {
		return fmt.Sprintf("domain %q", u.Name)
	}
	return fmt.Sprintf("volume %q in pool %q", u.Name, u.Pool)
}
