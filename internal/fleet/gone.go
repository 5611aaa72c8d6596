package fleet

import (
	"context"
	"errors"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// An instance that was removed by other means, such as `virsh undefine`, leaves its placement. Nothing
// looks for such placements until one of them is in the way: when a quota refuses something.

// gone are the tenant's placements in a resource pool whose instances are on no host: all hosts say so.
func (f *Fleet) gone(ctx context.Context, pool string) ([]catalog.Record[catalog.Placement], error) {
	records, err := f.placements.List(ctx, f.library.Tenant()+"/")
	if err != nil {
		return nil, err
	}
	var gone []catalog.Record[catalog.Placement]
	for _, rec := range records {
		p := rec.Value
		if _, known := f.Member(p.Host); !known || p.Pool != pool || p.State != catalog.PlacementPlaced {
			continue
		}
		if _, _, err := f.Read(ctx, p.Host, p.UUID); errors.Is(err, provision.ErrNotFound) {
			gone = append(gone, rec)
		}
	}
	return gone, ctx.Err()
}

// admitted does something that a quota may refuse. If it is refused, the placements of instances that are
// gone are removed, and it is tried again.
func (f *Fleet) admitted(ctx context.Context, pool string, try func() error) error {
	err := try()
	if _, over := errors.AsType[*catalog.QuotaError](err); !over {
		return err
	}
	gone, unsure := f.gone(ctx, pool)
	removed := false
	for _, rec := range gone {
		removed = f.placements.Delete(ctx, rec.Key, rec.Revision) == nil || removed
	}
	if unsure != nil || !removed {
		return err
	}
	f.quotas.placed.Forget()
	return try()
}
