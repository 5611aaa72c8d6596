// Package virterr has what can go wrong with libvirt: errors that errors.Is tells apart, typed by libvirt's codes and
// never by its texts, and things that libvirt lists and cannot describe.
package virterr

import (
	"errors"
	"fmt"

	"github.com/digitalocean/go-libvirt"
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

// typed is an answer of libvirt with the sentinel that its code stands for. It
// reads as libvirt's own text.
type typed struct {
	kind  error
	cause error
}

func (t *typed) Error() string   { return t.cause.Error() }
func (t *typed) Unwrap() []error { return []error{t.kind, t.cause} }

// kinds maps libvirt's error codes (virErrorNumber in libvirt/virterror.h).
// There is none for a full disk: that is a SYSTEM_ERROR whose errno go-libvirt
// does not decode.
var kinds = map[libvirt.ErrorNumber]error{
	libvirt.ErrNoDomain:             ErrNoDomain,
	libvirt.ErrNoStoragePool:        ErrNoPool,
	libvirt.ErrNoStorageVol:         ErrNoVolume,
	libvirt.ErrNoNetwork:            ErrNoNetwork,
	libvirt.ErrNoNodeDevice:         ErrNoNodeDevice,
	libvirt.ErrStorageVolExist:      ErrExists,
	libvirt.ErrDomExist:             ErrExists,
	libvirt.ErrNetworkExist:         ErrExists,
	libvirt.ErrAgentUnresponsive:    ErrAgentUnresponsive,
	libvirt.ErrAgentUnsynced:        ErrAgentUnresponsive,
	libvirt.ErrAgentCommandTimeout:  ErrAgentUnresponsive,
	libvirt.ErrOperationInvalid:     ErrOperationInvalid,
	libvirt.ErrInternalError:        ErrInternal,
	libvirt.ErrNoSupport:            ErrUnsupported,
	libvirt.ErrOperationUnsupported: ErrUnsupported,
	libvirt.ErrArgumentUnsupported:  ErrUnsupported,
	libvirt.ErrConfigUnsupported:    ErrUnsupported,
}

// Fail wraps the error of an operation as an *Error, and types an answer of libvirt's by its code; nil stays nil.
func Fail(op, object string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Op: op, Object: object, Err: typify(err)}
}

// As gives an answer of libvirt's another kind than its code has, one of the errors of this package, for a caller that
// knows what the code stands for this time. The text stays libvirt's.
func As(kind, cause error) error { return &typed{kind: kind, cause: cause} }

func typify(err error) error {
	if errors.Is(err, libvirt.ErrUnsupported) {
		return As(ErrUnsupported, err)
	}
	if reply, ok := errors.AsType[libvirt.Error](err); ok {
		if kind, ok := kinds[libvirt.ErrorNumber(reply.Code)]; ok {
			return As(kind, err)
		}
	}
	return err
}

// IsAnswer reports whether the host answered the request: with an error of its own, or (nil) with success.
func IsAnswer(err error) bool {
	return err == nil || errors.Is(err, libvirt.ErrUnsupported) || errors.As(err, new(libvirt.Error))
}

// HasCode reports whether err is an answer of libvirt's with this code.
func HasCode(err error, code libvirt.ErrorNumber) bool {
	var reply libvirt.Error
	return errors.As(err, &reply) && libvirt.ErrorNumber(reply.Code) == code
}

// Volume is how errors name a volume.
func Volume(pool, name string) string { return fmt.Sprintf("volume %q in pool %q", name, pool) }

// Pool is how errors name a storage pool.
func Pool(name string) string { return fmt.Sprintf("pool %q", name) }

// Domain is how errors name a domain.
func Domain(uuid string) string { return "domain " + uuid }

// Network is how errors name a network.
func Network(name string) string { return fmt.Sprintf("network %q", name) }
