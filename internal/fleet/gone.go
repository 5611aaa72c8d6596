package fleet

import (
	"context"
	"errors"
	"slices"

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
	gone := f.goneOf(ctx, slices.DeleteFunc(records, func(rec catalog.Record[catalog.Placement]) bool {
		return rec.Value.Pool != pool
	}))
	return gone, ctx.Err()
}

// goneOf are those of some placements whose instances are on no host: all hosts say so.
func (f *Fleet) goneOf(
	ctx context.Context, records []catalog.Record[catalog.Placement],
) (gone []catalog.Record[catalog.Placement]) {
	for _, rec := range records {
		p := rec.Value
		if _, known := f.Member(p.Host); !known || p.State != catalog.PlacementPlaced {
			continue
		}
		if _, _, err := f.Read(ctx, p.Host, p.UUID); errors.Is(err, provision.ErrNotFound) {
			gone = append(gone, rec)
		}
	}
	return gone
}

// drop removes placements, and reports whether it has removed any.
func (f *Fleet) drop(ctx context.Context, records []catalog.Record[catalog.Placement]) (removed bool) {
	for _, rec := range records {
		removed = f.placements.Delete(ctx, rec.Key, rec.Revision) == nil || removed
	}
	return removed
}

// admitted does something that a quota may refuse. If it is refused, the placements of instances that are
// gone are removed, and it is tried again.
func (f *Fleet) admitted(ctx context.Context, pool string, try func() error) error {
	err := try()
	if _, over := errors.AsType[*catalog.QuotaError](err); !over {
		return err
	}
	gone, unsure := f.gone(ctx, pool)
	if removed := f.drop(ctx, gone); unsure != nil || !removed {
		return err
	}
	f.quotas.placed.Forget()
	return try()
}

// holding are the placements that keep an instance of a strict group off hosts where it may be.
func (f *Fleet) holding(w Where) []catalog.Record[catalog.Placement] {
	if !w.Strict {
		return nil
	}
	allowed, _ := f.Allowed(w)
	return slices.DeleteFunc(slices.Clone(w.others), func(rec catalog.Record[catalog.Placement]) bool {
		return !slices.ContainsFunc(allowed, func(m *Member) bool {
			held := f.holder(Where{
				Group: w.Group, Apart: w.Apart, Strict: true, others: []catalog.Record[catalog.Placement]{rec},
			}, m)
			return held != nil
		})
	})
}

// makeRoom removes placements that keep an instance of a strict group off hosts although nothing stands behind
// them any more. It reports whether there were any.
func (f *Fleet) makeRoom(ctx context.Context, w Where) bool {
	holding := f.holding(w)
	if len(holding) == 0 {
		return false
	}
	removed := f.drop(ctx, f.goneOf(ctx, holding))
	now, err := f.clock(ctx)
	for _, rec := range holding {
		if err == nil && rec.Value.Abandoned(now) {
			f.settleAbandoned(ctx, rec, now)
			removed = true
		}
	}
	return removed
}
