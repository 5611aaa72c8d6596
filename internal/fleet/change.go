package fleet

import (
	"context"
	"errors"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
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
	key := catalog.PlacementKey(i.Facts.Tenant, i.Facts.Name)
	edit := func(p *catalog.Placement) {
		settle(p, i.UUID, on.Name)
		if b != nil {
			d := provision.DemandOf(*b)
			p.VCPUs, p.MemoryMB = d.VCPUs, d.MemoryMB
		}
	}
	return step.Completed(ctx, func(ctx context.Context) error {
		for {
			_, err := catalog.Change(ctx, f.placements, key, func(p *catalog.Placement) error {
				if p.UUID != "" && p.UUID != i.UUID {
					return errOther
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
			case !errors.Is(err, catalog.ErrNotFound):
				return err
			}
			p := catalog.Placement{Tenant: i.Facts.Tenant, Name: i.Facts.Name}
			edit(&p)
			if _, err = f.placements.Create(ctx, key, p); !errors.Is(err, catalog.ErrExists) {
				return err
			}
		}
	})
}

var (
	errSame  = errors.New("the placement says so already")
	errOther = errors.New("another instance has been placed under this name")
)

// Update is provision.Provisioner.Update of an instance that is on a member.
func (f *Fleet) Update(ctx context.Context, on *Member, i kind.Instance, c provision.Change) (kind.Instance, error) {
	changed, err := on.Update(ctx, i.UUID, c)
	if err == nil {
		err = f.Adopt(ctx, changed, on, c.Blueprint)
	}
	return changed, err
}

// Reimage is provision.Provisioner.Reimage on the host that has the instance; on is where it was last
// seen.
func (f *Fleet) Reimage(ctx context.Context, on, uuid string, r kind.Request) (
	kind.Instance, provision.Record, *Member, error,
) {
	i, m, err := f.Read(ctx, on, uuid)
	if err != nil {
		return i, provision.Record{}, m, err
	}
	i, record, err := m.Reimage(ctx, uuid, r)
	if err == nil {
		err = f.Adopt(ctx, i, m, nil)
	}
	return i, record, m, err
}

// Confirm is provision.Provisioner.Confirm on all hosts.
func (f *Fleet) Confirm(ctx context.Context) error {
	errs := make([]error, len(f.members))
	each(f.members, func(n int, m *Member) { errs[n] = m.Confirm(ctx) })
	return errors.Join(errs...)
}

// Delete is provision.Provisioner.Delete on the host that has the instance; on is where it was last
// seen.
func (f *Fleet) Delete(
	ctx context.Context, on string, grace time.Duration, uuid, tenant, name string, noted hostid.ID,
) error {
	if !f.Named() {
		return f.home.Delete(ctx, grace, uuid, tenant, name, noted)
	}
	_, m, err := f.Read(ctx, on, uuid)
	if err != nil && !errors.Is(err, provision.ErrNotFound) {
		return err
	}
	placement, err := f.placementOf(ctx, m, uuid, tenant, name)
	if err != nil {
		return err
	}
	if m != nil { // the host may still have volumes of an instance that is gone
		err = m.Delete(ctx, grace, uuid, tenant, name, noted)
	}
	if err == nil || errors.Is(err, hostid.ErrPerhapsMoved) {
		err = errors.Join(err, f.release(ctx, placement))
	}
	return err
}

// placementOf is the placement of an instance on a member, which is nil if no host has it; without a key if
// there is none. A create that could not record that its instance exists has left the placement as it
// reserved it.
func (f *Fleet) placementOf(
	ctx context.Context, m *Member, uuid, tenant, name string,
) (catalog.Record[catalog.Placement], error) {
	rec, err := f.placements.Get(ctx, catalog.PlacementKey(tenant, name))
	if err != nil {
		return catalog.Record[catalog.Placement]{}, catalog.IgnoreNotFound(err)
	}
	unnoted := rec.Value.UUID == "" && m != nil && m.Name == rec.Value.Host
	if rec.Value.UUID != uuid && !unnoted {
		return catalog.Record[catalog.Placement]{}, nil
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
