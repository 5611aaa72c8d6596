package virterr

import (
	"encoding/xml"
	"errors"
	"strings"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// xmlError says that a description cannot be understood.
type xmlError struct {
	what string // "the volume's XML"
	err  error
}

func (e *xmlError) Error() string { return "understanding " + e.what + ": " + e.err.Error() }
func (e *xmlError) Unwrap() error { return e.err }

// Misread says that part of a description cannot be understood: what names it, like "the volume's
// XML".
func Misread(what string, err error) error { return &xmlError{what, err} }

// Understand decodes a description. libvirt writes file names unchanged, and not all of them are
// UTF-8: other bytes become U+FFFD.
func Understand(what, text string, into any) error {
	if err := xml.Unmarshal([]byte(strings.ToValidUTF8(text, "\uFFFD")), into); err != nil {
		return Misread(what, err)
	}
	return nil
}

// CannotDescribe reports whether an error is about the requested object, and not about its pool,
// the connection, the caller's rights or patience. about reports which of libvirt's codes are about
// such an object.
func CannotDescribe(err error, about func(libvirt.ErrorNumber) bool) bool {
	if errors.Is(err, host.ErrPoolInactive) || errors.Is(err, host.ErrUnreachable) {
		return false
	}
	reply, answered := errors.AsType[libvirt.Error](err)
	return errors.As(err, new(*xmlError)) || answered && about(libvirt.ErrorNumber(reply.Code))
}
