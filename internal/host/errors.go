package host

import (
	"errors"
	"fmt"
)

// What can go wrong in a way that callers act on. Use errors.Is.
var (
	// ErrNoDomain: the host has no such domain.
	ErrNoDomain = errors.New("no such domain")
	// ErrNoPool: the host has no such storage pool.
	ErrNoPool = errors.New("no such storage pool")
	// ErrNoVolume: an active pool has no such volume.
	ErrNoVolume = errors.New("no such volume")
	// ErrNoNetwork: the host has no such network.
	ErrNoNetwork = errors.New("no such network")
	// ErrNoNodeDevice: the host has no such device, such as one that was unplugged since it was listed.
	ErrNoNodeDevice = errors.New("no such device")
	// ErrTooManyVolumes: libvirt cannot list the pool, since it has too many volumes.
	ErrTooManyVolumes = errors.New("the pool has too many volumes")
	// ErrPoolInactive: the pool exists but is not active, so that nothing can
	// be said about its volumes.
	ErrPoolInactive = errors.New("the storage pool is not active")
	// ErrExists: a volume, pool or domain with this name or UUID exists already.
	ErrExists = errors.New("exists already")
	// ErrUnreachable: no connection could be opened, or it was lost or hung
	// during the request. Whether the host carried it out is unknown.
	ErrUnreachable = errors.New("the host is unreachable")
	// ErrNoAnswer: the host has not answered in time. Whether it has carried the
	// request out, or will, is unknown.
	ErrNoAnswer = errors.New("the host did not answer")
	// ErrAgentUnresponsive: the guest agent is not running or does not answer.
	ErrAgentUnresponsive = errors.New("the guest agent does not answer")
	// ErrOperationInvalid: the object is in the wrong state for the operation.
	ErrOperationInvalid = errors.New("invalid in the object's present state")
	// ErrUnsupported: the host's libvirt, or the driver, cannot do it.
	ErrUnsupported = errors.New("not supported by the host")
	// ErrInternal: libvirt has no better code for it, as where QEMU ended while a guest started.
	ErrInternal = errors.New("an error inside libvirt or QEMU")
)

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

// Undescribed is something that the host lists and cannot describe: libvirt refuses to, or what it says cannot be
// understood. An example is a foreign file that vanished, or turned into something else, since libvirt looked at the
// pool.
type Undescribed struct {
	Pool string // of a volume; empty for a domain
	Name string
	Err  error
}

// String names what it is.
func (u Undescribed) String() string {
	if u.Pool == "" {
		return fmt.Sprintf("domain %q", u.Name)
	}
	return fmt.Sprintf("volume %q in pool %q", u.Name, u.Pool)
}
