// Package virterr makes package host's errors of what libvirt answers, by libvirt's codes and never by its texts.
package virterr

import (
	"errors"
	"fmt"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

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
	libvirt.ErrInternalError:        host.ErrInternal,
	libvirt.ErrNoSupport:            host.ErrUnsupported,
	libvirt.ErrOperationUnsupported: host.ErrUnsupported,
	libvirt.ErrArgumentUnsupported:  host.ErrUnsupported,
	libvirt.ErrConfigUnsupported:    host.ErrUnsupported,
}

// Fail wraps the error of an operation as an *Error, and types an answer of libvirt's by its code; nil stays nil.
func Fail(op, object string, err error) error {
	if err == nil {
		return nil
	}
	return &host.Error{Op: op, Object: object, Err: typify(err)}
}

// As gives an answer of libvirt's another kind than its code has, one of the errors of package host, for a caller that
// knows what the code stands for this time. The text stays libvirt's.
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
