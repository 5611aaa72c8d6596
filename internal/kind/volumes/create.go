package volumes

import (
	"context"
	"errors"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Create creates an empty volume, or an overlay. It does not end in the middle if ctx does.
func (v *Volumes) Create(ctx context.Context, pool string, spec host.VolumeSpec) error {
	return step.Uninterrupted(ctx, func(ctx context.Context) error {
		_, err := v.host.CreateVolume(ctx, pool, spec)
		return err
	})
}

// Replace calls create, which creates a volume of that name. If there is one, Replace removes it, and
// calls create again.
func (v *Volumes) Replace(ctx context.Context, pool, name string, create func() error) error {
	err := create()
	if !errors.Is(err, host.ErrExists) {
		return err
	}
	// The file may also be one that the host does not know yet, such as a copy made by hand.
	if err := v.host.RefreshPool(ctx, pool); err != nil {
		return err
	}
	if err := v.Remove(ctx, pool, name); err != nil {
		return err
	}
	return create()
}
