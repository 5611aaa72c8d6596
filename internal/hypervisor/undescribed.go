package hypervisor

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/digitalocean/go-libvirt"
)

// Undescribed is something that the host lists and cannot describe: libvirt
// refuses to, or what it says cannot be understood. Files of other people that
// vanished, or turned into something else, since a pool was looked at are that.
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
	return volumeObject(u.Pool, u.Name)
}

// xmlError says that a description cannot be understood.
type xmlError struct {
	what string // "the volume's XML"
	err  error
}

func (e *xmlError) Error() string { return "understanding " + e.what + ": " + e.err.Error() }
func (e *xmlError) Unwrap() error { return e.err }

// understand decodes a description. libvirt writes names of files as they are, and
// not all are UTF-8: what is not becomes U+FFFD.
func understand(what, text string, into any) error {
	if err := xml.Unmarshal([]byte(strings.ToValidUTF8(text, "\uFFFD")), into); err != nil {
		return &xmlError{what, err}
	}
	return nil
}

// notOfVolumes are answers that are about the caller, the connection or the daemon,
// and not about the volume that was asked about. What libvirt stumbles over in a
// volume has many codes.
var notOfVolumes = []libvirt.ErrorNumber{
	libvirt.ErrNoStoragePool, libvirt.ErrNoMemory, libvirt.ErrNoConnect, libvirt.ErrInvalidConn, libvirt.ErrRPC,
	libvirt.ErrOperationDenied, libvirt.ErrAccessDenied, libvirt.ErrAuthFailed, libvirt.ErrAuthCancelled, libvirt.ErrAuthUnavailable,
	libvirt.ErrOperationTimeout, libvirt.ErrOperationAborted, libvirt.ErrNoSupport,
}

// ofVolumes tells whether an answer is about the volume that was asked about.
func ofVolumes(code libvirt.ErrorNumber) bool { return !slices.Contains(notOfVolumes, code) }

// ofDomains tells whether an answer is about the domain that was asked about: libvirt
// writes what it has in memory, so little goes wrong. RPC is what it says of a
// description that its protocol has no room for.
func ofDomains(code libvirt.ErrorNumber) bool {
	return code == libvirt.ErrInternalError || code == libvirt.ErrRPC
}

// cannotDescribe tells whether an error is about the thing that was asked about,
// and not about its pool, the connection, the caller's rights or patience.
func cannotDescribe(err error, about func(libvirt.ErrorNumber) bool) bool {
	if errors.Is(err, ErrPoolInactive) || errors.Is(err, ErrUnreachable) {
		return false
	}
	reply, answered := errors.AsType[libvirt.Error](err)
	return errors.As(err, new(*xmlError)) || answered && about(libvirt.ErrorNumber(reply.Code))
}

// describeAll is gather for things that are described one by one. It leaves out those
// that cannot be described, and returns their names: about says which of libvirt's
// error codes mean that.
func describeAll[In, Out any](ctx context.Context, items []In, gone error, about func(libvirt.ErrorNumber) bool, name func(In) Undescribed,
	describe func(context.Context, In) (Out, error),
) (all []Out, undescribed []Undescribed, err error) {
	type answer struct {
		out Out
		not *Undescribed
	}
	answers, err := gather(ctx, items, gone, func(ctx context.Context, item In) (answer, error) {
		out, err := describe(ctx, item)
		if err != nil && cannotDescribe(err, about) && !errors.Is(err, gone) {
			not := name(item)
			not.Err = err
			return answer{not: &not}, nil
		}
		return answer{out: out}, err
	})
	for _, a := range answers {
		if a.not != nil {
			undescribed = append(undescribed, *a.not)
		} else {
			all = append(all, a.out)
		}
	}
	return all, undescribed, err
}
