package fleet

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// sweep settles, once a process, the placements of the tenant that dead processes have left behind: their
// instances may never be asked for again, and would count for ever. Whatever cannot be settled now is
// left to the next process.
func (f *Fleet) sweep(ctx context.Context) {
	f.swept.Do(func() {
		records, err := f.placements.List(ctx, f.library.Tenant()+"/")
		if err != nil {
			return
		}
		now, err := f.clock(ctx)
		if err != nil {
			return
		}
		for _, rec := range records {
			if rec.Value.Abandoned(now) {
				f.settleAbandoned(ctx, rec)
			}
		}
	})
}

// settleAbandoned removes a placement with what there is of an incomplete instance, or records that the
// instance is complete.
func (f *Fleet) settleAbandoned(ctx context.Context, rec catalog.Record[catalog.Placement]) {
	if rec.Value.State == catalog.PlacementMoving {
		_, _ = f.settled(ctx, rec)
		return
	}
	on, known := f.Member(rec.Value.Host)
	if !known {
		return
	}
	holder, err := on.holder(ctx, rec.Value.Name)
	if err == nil && (holder.State == provision.NameFree || holder.State == provision.NameForeign) {
		err = f.nowhere(ctx, rec.Value)
	}
	if err != nil {
		return
	}
	switch holder.State {
	case provision.NameFree, provision.NameAbandoned:
		if on.wipe(ctx, rec.Value.Name, holder.UUID) == nil {
			_ = f.placements.Delete(ctx, rec.Key, rec.Revision)
		}
	case provision.NameForeign:
		_ = f.placements.Delete(ctx, rec.Key, rec.Revision)
	case provision.NameTaken, provision.NameOrphaned:
		to := rec.Value
		settle(&to, holder.UUID, on.Name)
		_, _ = f.placements.Replace(ctx, rec.Key, rec.Revision, to)
	}
}
