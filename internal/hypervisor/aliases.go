package hypervisor

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/storage"
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

// Pool is storage.Pool.
type Pool = storage.Pool

// Volume is storage.Volume.
type Volume = storage.Volume

// VolumeSpec is storage.VolumeSpec.
type VolumeSpec = storage.VolumeSpec

// Backing is storage.Backing.
type Backing = storage.Backing

// CloneSource is storage.CloneSource.
type CloneSource = storage.CloneSource

// FormatError is storage.FormatError.
type FormatError = storage.FormatError

// Transfer is storage.Transfer.
type Transfer = storage.Transfer
