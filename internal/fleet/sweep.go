package fleet

import (
	"context"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// sweep settles, once a process, the placements of the tenant that dead processes have left behind: their
// instances may never be asked for again, and would count for ever. It waits for that as long as for a slow host.
// What is not settled by the end of the create that began it is left to the next process.
func (f *Fleet) sweep(ctx context.Context) {
	f.swept.Do(func() {
		f.sweeping = make(chan struct{})
		go func() {
			defer close(f.sweeping)
			// Without a deadline, a host gets no more than the time for any request.
			untimed, cancel := context.WithCancel(context.WithoutCancel(ctx))
			defer cancel()
			stop := context.AfterFunc(ctx, cancel)
			defer stop()
			f.settleAll(untimed)
		}()
	})
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-f.sweeping:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// settleAll settles all placements of the tenant that dead processes have left behind, as far as it can.
func (f *Fleet) settleAll(ctx context.Context) {
	records, err := catalog.Unsettled(ctx, f.placements, f.library.Tenant()+"/")
	if err != nil {
		return
	}
	now, err := f.clock(ctx)
	if err != nil {
		return
	}
	for _, rec := range records {
		if rec.Value.Abandoned(now) {
			f.settleAbandoned(ctx, rec, now)
		}
	}
}

// settleAbandoned removes a placement with what there is of an incomplete instance, or records that the
// instance is complete.
func (f *Fleet) settleAbandoned(ctx context.Context, rec catalog.Record[catalog.Placement], now time.Time) {
	if rec.Value.State == catalog.PlacementMoving {
		if !f.sending(ctx, rec.Value) { // otherwise it would have to be waited for
			_, _ = f.settled(ctx, rec)
		}
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
		// Nobody else may create an instance of the name meanwhile: its disks would have the same names.
		held := rec.Value
		held.Hold(lease.New(ctx, now))
		mine, err := f.placements.Replace(ctx, rec.Key, rec.Revision, held)
		if err != nil {
			return
		}
		if on.wipe(ctx, rec.Value.Name, holder.UUID) != nil {
			_ = f.giveBack(ctx, mine, rec.Value)
			return
		}
		_ = f.placements.Delete(ctx, mine.Key, mine.Revision)
	case provision.NameForeign:
		_ = f.placements.Delete(ctx, rec.Key, rec.Revision)
	case provision.NameTaken, provision.NameOrphaned:
		to := rec.Value
		settle(&to, holder.UUID, on.Name)
		_, _ = f.placements.Replace(ctx, rec.Key, rec.Revision, to)
	}
}
