// Package virterr turns libvirt's answers into package host's errors, by libvirt's codes and never
// by its texts.
package virterr

import (
	"errors"
	"fmt"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// typed is an answer of libvirt with the sentinel that its code stands for. Its text is libvirt's.
type typed struct {
	kind  error
	cause error
}

func (t *typed) Error() string   { return t.cause.Error() }
func (t *typed) Unwrap() []error { return []error{t.kind, t.cause} }

// kinds maps libvirt's error codes (virErrorNumber in libvirt/virterror.h). A full disk has no
// code: it is a SYSTEM_ERROR whose errno go-libvirt does not decode.
var kinds = map[libvirt.ErrorNumber]error{
	libvirt.ErrNoDomain:             host.ErrNoDomain,
	libvirt.ErrNoStoragePool:        host.ErrNoPool,
	libvirt.ErrNoStorageVol:         host.ErrNoVolume,
	libvirt.ErrNoNetwork:            host.ErrNoNetwork,
	libvirt.ErrNoNodeDevice:         host.ErrNoNodeDevice,
	libvirt.ErrStorageVolExist:      host.ErrExists,
	libvirt.ErrDomExist:             host.ErrExists,
	libvirt.ErrNetworkExist:         host.ErrExists,
	libvirt.ErrAgentUnresponsive:    host.ErrAgentUnresponsive,
	libvirt.ErrAgentUnsynced:        host.ErrAgentUnresponsive,
	libvirt.ErrAgentCommandTimeout:  host.ErrAgentUnresponsive,
	libvirt.ErrOperationInvalid:     host.ErrOperationInvalid,
	libvirt.ErrAccessDenied:         host.ErrDenied,
	libvirt.ErrInternalError:        host.ErrInternal,
	libvirt.ErrNoSupport:            host.ErrUnsupported,
	libvirt.ErrOperationUnsupported: host.ErrUnsupported,
	libvirt.ErrArgumentUnsupported:  host.ErrUnsupported,
	libvirt.ErrConfigUnsupported:    host.ErrUnsupported,
}

// Fail wraps the error of an operation as a *host.Error, and types an answer of libvirt by its
// code; nil stays nil.
func Fail(op, object string, err error) error {
	if err == nil {
		return nil
	}
	return &host.Error{Op: op, Object: object, Err: typify(err)}
}

// As gives an answer of libvirt a different kind than its code has: one of the errors of package
// host, for a caller that knows what the code means in this case. The text stays libvirt's.
func As(kind, cause error) error { return &typed{kind: kind, cause: cause} }

func typify(err error) error {
	if errors.Is(err, libvirt.ErrUnsupported) {
		return As(host.ErrUnsupported, err)
	}
	if reply, ok := errors.AsType[libvirt.Error](err); ok {
		if kind, ok := kinds[libvirt.ErrorNumber(reply.Code)]; ok {
			return As(kind, err)
		}
	}
	return err
}

// IsAnswer reports whether the host answered the request: with an error of its own, or (nil) with
// success.
func IsAnswer(err error) bool {
	return err == nil || errors.Is(err, libvirt.ErrUnsupported) || errors.As(err, new(libvirt.Error))
}

// HasCode reports whether err is an answer of libvirt with this code.
func HasCode(err error, code libvirt.ErrorNumber) bool {
	var reply libvirt.Error
	return errors.As(err, &reply) && libvirt.ErrorNumber(reply.Code) == code
}

// Volume returns the name of a volume for errors.
func Volume(pool, name string) string { return fmt.Sprintf("volume %q in pool %q", name, pool) }

// Pool returns the name of a storage pool for errors.
func Pool(name string) string { return fmt.Sprintf("pool %q", name) }

// Domain returns the name of a domain for errors.
func Domain(uuid string) string { return "domain " + uuid }

// Network returns the name of a network for errors.
func Network(name string) string { return fmt.Sprintf("network %q", name) }
