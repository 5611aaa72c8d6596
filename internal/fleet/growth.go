package fleet

import (
	"context"
	"errors"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// growth is what an instance's placement was before the instance is changed.
type growth struct {
	fleet    *Fleet
	on       *Member
	instance kind.Instance
	was, to  catalog.Placement // both zero if nothing had to be written
}

// claimGrowth makes an instance's placement what the instance is about to become, before anything of it
// changes: in the pool and the group of a Where, with the larger one of what it takes and what it will take. It
// returns a QuotaRefusal if the quota does not allow that, a GroupRefusal if it cannot join the group where it
// is, and findings if its host is not in the pool. b is nil if the instance takes what it took before.
func (f *Fleet) claimGrowth(
	ctx context.Context, on *Member, i kind.Instance, w Where, b *kind.Blueprint,
) (*growth, error) {
	g := &growth{fleet: f, on: on, instance: i}
	if !f.Named() {
		return g, nil
	}
	rec, err := f.placements.Get(ctx, catalog.PlacementKey(i.Facts.Tenant, i.Facts.Name))
	if err == nil {
		err = f.mayTake(ctx, rec.Value, i.UUID, on)
	}
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return nil, err
	}
	was := rec.Value
	if w.Pool != was.Pool {
		in, err := f.Within(ctx, Where{Pool: w.Pool})
		if err == nil {
			err = f.Misplaced(i.Facts.Name, on, in, StaysThere).Err()
		}
		if err != nil {
			return nil, err
		}
	}
	to := was
	to.Pool = w.Pool
	w.join(&to)
	to.Value = on.claims(to)
	if grow(&to, was, b); to == was && was.State != catalog.PlacementMoving {
		return g, nil
	}
	g.was, g.to = was, to
	note := f.record
	if joins := !to.SameGroup(was); joins && was.Name != "" {
		note = f.joined(w)
	}
	return g, f.admitted(ctx, w.Pool, func() error {
		return note(ctx, i, on, func(p *catalog.Placement) {
			settle(p, i.UUID, on.Name)
			w.join(p)
			p.Value = on.claims(*p)
			p.Pool, p.VCPUs, p.MemoryMB, p.DiskGB = to.Pool, to.VCPUs, to.MemoryMB, to.DiskGB
		})
	})
}

// goBack takes the placement back after the change of the instance failed with err, and returns err. What
// has grown before the failure stays claimed, and so does all of it if that cannot be found out.
func (g *growth) goBack(ctx context.Context, err error) error {
	if g.to == (catalog.Placement{}) {
		return err
	}
	ctx, cancel := step.UndoContext(ctx)
	defer cancel()
	has, unsure := g.takes(ctx)
	back := g.was
	back.VCPUs, back.MemoryMB = max(back.VCPUs, has.VCPUs), max(back.MemoryMB, has.MemoryMB)
	back.DiskGB = max(back.DiskGB, has.DiskGB)
	if unsure != nil {
		back.VCPUs, back.MemoryMB, back.DiskGB = g.to.VCPUs, g.to.MemoryMB, g.to.DiskGB
	}
	undone := g.fleet.record(ctx, g.instance, g.on, func(p *catalog.Placement) {
		p.Group, p.Apart, p.Strict, p.Value = back.Group, back.Apart, back.Strict, back.Value
		p.Pool, p.VCPUs, p.MemoryMB, p.DiskGB = back.Pool, back.VCPUs, back.MemoryMB, back.DiskGB
	})
	// The pool that it comes from may have no room for what has grown. Then it stays in the new one.
	if _, refused := errors.AsType[*QuotaRefusal](undone); refused {
		undone = nil
	}
	return errors.Join(err, undone)
}

// takes is what the instance takes now.
func (g *growth) takes(ctx context.Context) (catalog.Usage, error) {
	room, err := g.on.Room(ctx)
	if err != nil {
		return catalog.Usage{}, err
	}
	i, err := g.on.Refresh(ctx, g.instance.UUID)
	if err != nil {
		return catalog.Usage{}, err
	}
	_, d := room.Without(i.UUID)
	has := catalog.Usage{VCPUs: d.VCPUs, MemoryMB: d.MemoryMB, Instances: 1}
	var disks uint64
	for _, disk := range i.Disks {
		size, known := i.Size(disk.Name)
		if !known { // the claim stays
			return has, errors.New("the size of a disk is not known")
		}
		disks += size
	}
	has.DiskGB = gibOf(disks)
	return has, nil
}

// reimaged is the blueprint that an instance gets with another version's system disk. What is wrong with it
// is reported by the reimage itself.
func (f *Fleet) reimaged(ctx context.Context, on *Member, i kind.Instance, r kind.Request) (*kind.Blueprint, error) {
	if !f.Named() {
		return nil, nil
	}
	if i.Facts.Version == r.Version { // it is changed in place
		b, err := on.BlueprintOf(ctx, i, r)
		return &b, err
	}
	template, version, err := f.library.Usable(ctx, r.Template.Version(r.Version))
	if err != nil {
		return nil, err
	}
	r.Boots = true
	b, _ := on.NewBlueprint(r, template, version)
	return &b, nil
}
