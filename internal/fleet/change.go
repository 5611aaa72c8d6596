package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Adopt records that an instance is on a member, and what it takes there: after a change, and for an
// instance that was imported, was created before the configuration named its hosts, or was moved by
// other means. b is nil if it takes what it took before.
func (f *Fleet) Adopt(ctx context.Context, i kind.Instance, on *Member, b *kind.Blueprint) error {
	if !f.Named() {
		return nil
	}
	return f.record(ctx, i, on, func(p *catalog.Placement) {
		settle(p, i.UUID, on.Name)
		p.Value = on.claims(*p)
		if b != nil {
			takes := usageOf(*b)
			p.VCPUs, p.MemoryMB, p.DiskGB = takes.VCPUs, takes.MemoryMB, takes.DiskGB
		}
	})
}

// note changes the placement of an instance on a member, or creates it if there is none. It returns a
// QuotaRefusal if the quota of a resource pool does not allow that.
func (f *Fleet) note(ctx context.Context, i kind.Instance, on *Member, edit func(*catalog.Placement)) error {
	defer f.quotas.placed.Forget()
	key := catalog.PlacementKey(i.Facts.Tenant, i.Facts.Name)
	return asRefusal(step.Completed(ctx, func(ctx context.Context) error {
		for {
			_, err := catalog.Change(ctx, f.placements, key, func(p *catalog.Placement) error {
				if err := f.mayTake(ctx, *p, i.UUID, on); err != nil {
					return err
				}
				if p.State == catalog.PlacementMoving {
					return errMoving
				}
				before := *p
				if edit(p); *p == before {
					return errSame
				}
				return nil
			})
			switch {
			case errors.Is(err, errSame):
				return nil
			case errors.Is(err, errMoving):
				if err := f.moving(ctx, key); err != nil {
					return err
				}
				continue
			case !errors.Is(err, catalog.ErrNotFound):
				return err
			}
			p := catalog.Placement{Tenant: i.Facts.Tenant, Name: i.Facts.Name}
			edit(&p)
			if _, err = f.placements.Create(ctx, key, p); !errors.Is(err, catalog.ErrExists) {
				return err
			}
		}
	}))
}

var errSame = errors.New("the placement says so already")

// mayTake checks that a placement is not that of another instance than the one with a UUID, which is on a
// member. A placement whose instance is gone makes way.
func (f *Fleet) mayTake(ctx context.Context, p catalog.Placement, uuid string, on *Member) error {
	switch {
	case p.UUID == uuid || p.UUID == "" && p.Host == on.Name:
		return nil
	case p.UUID == "":
		now, err := f.clock(ctx)
		if err != nil || p.Abandoned(now) {
			return err
		}
		return fmt.Errorf("process %s creates an instance of the same name on host %s", lease.Show(p.Runner), p.Host)
	}
	_, at, err := f.Read(ctx, p.Host, p.UUID)
	switch {
	case err == nil:
		return fmt.Errorf("another instance has the same name: %s, on host %s", p.UUID, at.Name)
	case isGone(err):
		return nil
	}
	return err
}

// Update is provision.Provisioner.Update of an instance that is on a member, and is or comes to be in the
// resource pool and the group of a Where, whose other parts do not matter. What the instance grows by is
// claimed before it is changed, and what it shrinks by is given back afterwards.
func (f *Fleet) Update(
	ctx context.Context, on *Member, i kind.Instance, c provision.Change, w Where,
) (kind.Instance, error) {
	g, err := f.claimGrowth(ctx, on, i, w, c.Blueprint)
	if err != nil {
		return i, err
	}
	changed, err := on.Update(ctx, i.UUID, c)
	if err != nil {
		return changed, g.goBack(ctx, err)
	}
	return changed, f.Adopt(ctx, changed, on, c.Blueprint)
}

// Reimage is provision.Provisioner.Reimage on the host that has the instance; on is where it was last
// seen, and w is as for Update.
func (f *Fleet) Reimage(ctx context.Context, on, uuid string, r kind.Request, w Where) (
	kind.Instance, provision.Record, *Member, error,
) {
	before, m, err := f.Read(ctx, on, uuid)
	if err != nil {
		return before, provision.Record{}, m, err
	}
	b, err := f.reimaged(ctx, m, before, r)
	if err != nil {
		return before, provision.Record{}, m, err
	}
	g, err := f.claimGrowth(ctx, m, before, w, b)
	if err != nil {
		return before, provision.Record{}, m, err
	}
	i, record, err := m.Reimage(ctx, uuid, r)
	if err != nil {
		return i, record, m, g.goBack(ctx, err)
	}
	return i, record, m, f.Adopt(ctx, i, m, b)
}

// Confirm is provision.Provisioner.Confirm on all hosts.
func (f *Fleet) Confirm(ctx context.Context) error {
	present := f.present()
	errs := make([]error, len(present))
	each(present, func(n int, m *Member) { errs[n] = m.Confirm(ctx) })
	return errors.Join(errs...)
}

// Delete is provision.Provisioner.Delete on the host that has the instance; on is where it was last
// seen. Of an instance on a lost host, it removes the placement alone.
func (f *Fleet) Delete(
	ctx context.Context, on string, grace time.Duration, uuid, tenant, name string, noted hostid.ID,
) error {
	if !f.Named() {
		return f.home.Delete(ctx, grace, uuid, tenant, name, noted)
	}
	defer f.quotas.placed.Forget()
	end, kept := f.library.Removals.Begin(uuid) // until the placement is gone, too
	defer end()
	if kept {
		return nil
	}
	_, m, err := f.Read(ctx, on, uuid)
	gone := isGone(err)
	if err != nil && !gone {
		return err
	}
	if isLost(err) {
		m, err = nil, nil
	} else if gone {
		if err = f.Missing(ctx, m, noted); err != nil && !errors.Is(err, hostid.ErrPerhapsMoved) {
			return err
		}
		m = nil
	}
	placement, failed := f.leave(ctx, m, uuid, tenant, name)
	if failed != nil {
		return failed
	}
	if gone {
		failed = f.clearGone(ctx, on, placement.Value.Host, uuid, tenant, name)
	} else {
		failed = m.Delete(ctx, grace, uuid, tenant, name, hostid.ID{})
	}
	if failed != nil {
		return failed
	}
	f.forsake(name)
	return errors.Join(err, f.release(ctx, placement))
}

// clearGone removes the volumes of an instance that no host has any more: from the host where it was last
// seen, or else from the one of its placement, or else from all.
func (f *Fleet) clearGone(ctx context.Context, on, placed, uuid, tenant, name string) error {
	all := f.Members()
	for _, host := range []string{placed, on} {
		if m, known := f.Member(host); known {
			all = []*Member{m}
		}
	}
	all = slices.DeleteFunc(all, (*Member).lost)
	errs := make([]error, len(all))
	each(all, func(n int, m *Member) { errs[n] = m.Delete(ctx, 0, uuid, tenant, name, hostid.ID{}) })
	return errors.Join(errs...)
}

// leave records that this process removes an instance, which is on a member; nil if no host has it. So a
// process that finds the placement knows that it may be left over. leave returns a record without a key if
// the instance has no placement. A create that could not record that its instance exists has left the
// placement as it reserved it.
func (f *Fleet) leave(
	ctx context.Context, m *Member, uuid, tenant, name string,
) (catalog.Record[catalog.Placement], error) {
	now, err := f.clock(ctx)
	if err != nil {
		return catalog.Record[catalog.Placement]{}, err
	}
	work, key := lease.New(ctx, now), catalog.PlacementKey(tenant, name)
	leave := func() (catalog.Record[catalog.Placement], error) {
		return catalog.Change(ctx, f.placements, key, func(p *catalog.Placement) error {
			unnoted := p.UUID == "" && m != nil && m.Name == p.Host
			switch {
			case p.UUID != uuid && !unnoted:
				return catalog.ErrNotFound
			case p.State == catalog.PlacementMoving: // since the instance was read
				return errMoving
			}
			p.UUID, p.State = uuid, catalog.PlacementLeaving
			p.Hold(work)
			return nil
		})
	}
	rec, err := leave()
	if errors.Is(err, errMoving) {
		if err = f.moving(ctx, key); err == nil {
			err = fmt.Errorf("instance %q was being moved when it was to be removed: plan again", name)
		}
	}
	if err != nil {
		return catalog.Record[catalog.Placement]{}, catalog.IgnoreNotFound(err)
	}
	return rec, nil
}

// release removes the placement of an instance that is gone, unless a create has taken it over since.
func (f *Fleet) release(ctx context.Context, rec catalog.Record[catalog.Placement]) error {
	if rec.Key == "" {
		return nil
	}
	ctx, cancel := step.UndoContext(ctx)
	defer cancel()
	err := f.placements.Delete(ctx, rec.Key, rec.Revision)
	if errors.Is(err, catalog.ErrConflict) {
		return nil
	}
	return catalog.IgnoreNotFound(err)
}
