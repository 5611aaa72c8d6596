package hypervisor

import (
	"context"
	"errors"
	"slices"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

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

// describeAll is gather for things that are described one by one. It leaves out those
// that cannot be described, and returns their names: about says which of libvirt's
// error codes mean that.
func describeAll[In, Out any](ctx context.Context, items []In, gone error, about func(libvirt.ErrorNumber) bool, name func(In) virterr.Undescribed,
	describe func(context.Context, In) (Out, error),
) (all []Out, undescribed []virterr.Undescribed, err error) {
	type answer struct {
		out Out
		not *Undescribed
	}
	answers, err := gather(ctx, items, gone, func(ctx context.Context, item In) (answer, error) {
		out, err := describe(ctx, item)
		if err != nil && virterr.CannotDescribe(err, about) && !errors.Is(err, gone) {
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
