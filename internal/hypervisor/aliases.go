package hypervisor

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// The errors of package virterr.
var (
	ErrNoDomain          = virterr.ErrNoDomain
	ErrNoPool            = virterr.ErrNoPool
	ErrNoVolume          = virterr.ErrNoVolume
	ErrNoNetwork         = virterr.ErrNoNetwork
	ErrTooManyVolumes    = virterr.ErrTooManyVolumes
	ErrPoolInactive      = virterr.ErrPoolInactive
	ErrExists            = virterr.ErrExists
	ErrUnreachable       = virterr.ErrUnreachable
	ErrNoAnswer          = virterr.ErrNoAnswer
	ErrAgentUnresponsive = virterr.ErrAgentUnresponsive
	ErrOperationInvalid  = virterr.ErrOperationInvalid
	ErrUnsupported       = virterr.ErrUnsupported
	ErrInternal          = virterr.ErrInternal
)

// Error is virterr.Error.
type Error = virterr.Error

// Undescribed is virterr.Undescribed.
type Undescribed = virterr.Undescribed

// Whole is rpc.Whole.
func Whole(ctx context.Context) context.Context { return rpc.Whole(ctx) }
