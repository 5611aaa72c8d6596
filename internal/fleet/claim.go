package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// claim is the placement of an instance that this process creates.
type claim struct {
	fleet  *Fleet
	record catalog.Record[catalog.Placement]
	// heir is the host with an instance of the name that a dead process has completed: a create there
	// takes it over. nil if there is none.
	heir *Member
}

// reserve claims an instance's name on all hosts. If a removal of this process frees the name, it waits
// for that.
func (f *Fleet) reserve(ctx context.Context, name string, d provision.Demand, first *Member) (*claim, error) {
	now, err := f.clock(ctx)
	if err != nil {
		return nil, err
	}
	work := lease.New(ctx, now)
	c := &claim{fleet: f}
	placement := catalog.Placement{
		Tenant: f.library.Tenant(), Name: name, Host: first.Name, VCPUs: d.VCPUs, MemoryMB: d.MemoryMB,
		State: catalog.PlacementReserved, Runner: work.Holder, Since: work.Since, Deadline: work.Deadline,
	}
	err = f.library.Removals.WhileTaken(ctx, func() (err error) {
		c.record, err = f.placements.Create(ctx, placement.Key(), placement)
		if !errors.Is(err, catalog.ErrExists) {
			return err
		}
		return c.inherit(ctx, placement)
	})
	return c, err
}

// inherit takes over the placement that has the name, unless an instance or a process stands behind it.
func (c *claim) inherit(ctx context.Context, placement catalog.Placement) error {
	f := c.fleet
	found, err := f.placements.Get(ctx, placement.Key())
	if errors.Is(err, catalog.ErrNotFound) { // it has just gone
		c.record, err = f.placements.Create(ctx, placement.Key(), placement)
		return err
	}
	if err != nil {
		return err
	}
	on, known := f.Member(found.Value.Host)
	if !known {
		return f.taken(placement.Name, fmt.Sprintf("its placement names host %q, which the provider does not have",
			found.Value.Host))
	}
	holder, err := on.holder(ctx, placement.Name)
	if err != nil {
		return fmt.Errorf("finding out what has the name of instance %q on host %s: %w", placement.Name, on.Name, err)
	}
	switch holder.State {
	case provision.NameTaken:
		return f.taken(placement.Name, "it is on host "+on.Name)
	case provision.NameOrphaned:
		c.heir = on
	case provision.NameAbandoned:
		if err := on.Clear(ctx, placement.Name, holder.UUID); err != nil {
			return err
		}
	case provision.NameFree:
		if found.Value.State == catalog.PlacementReserved {
			now, err := f.clock(ctx)
			if err != nil {
				return err
			}
			if !found.Value.Abandoned(now) {
				return f.taken(placement.Name, fmt.Sprintf("process %s has been placing it since %s",
					lease.Show(found.Value.Runner), found.Value.Since.Format("15:04:05")))
			}
		}
	}
	c.record, err = f.placements.Replace(ctx, placement.Key(), found.Revision, placement)
	if errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrNotFound) {
		return f.taken(placement.Name, "another process has just claimed it")
	}
	return err
}

// holder is what has an instance's name on the host.
func (m *Member) holder(ctx context.Context, name string) (h provision.Holder, err error) {
	err = m.silence.ask(func() (err error) { h, err = m.Holder(ctx, name); return err })
	return h, err
}

// taken reports that an instance's name is in use.
func (f *Fleet) taken(name, why string) error {
	id := naming.Domain(f.library.Tenant(), name)
	return planning.Taken(finding.List{{Path: finding.At("name"), Summary: "Instance name already in use",
		Detail: fmt.Sprintf("The provider's hosts have an instance %q already: %s. Choose another name, %s.", id, why,
			planning.UniqueName("instance", f.library.Tenant()+"/"+name))}})
}

// on moves the claim to a member, before anything of the instance is there.
func (c *claim) on(ctx context.Context, m *Member) error {
	if c.record.Value.Host == m.Name {
		return nil
	}
	return c.change(ctx, func(p *catalog.Placement) { p.Host = m.Name })
}

// keep records that the instance exists.
func (c *claim) keep(ctx context.Context, i kind.Instance) error {
	return step.Completed(ctx, func(ctx context.Context) error {
		return c.change(ctx, func(p *catalog.Placement) { settle(p, i.UUID, p.Host) })
	})
}

// settle makes a placement that of an instance which is on a host.
func settle(p *catalog.Placement, uuid, host string) {
	p.UUID, p.Host, p.State = uuid, host, catalog.PlacementPlaced
	p.Runner, p.Since, p.Deadline = "", time.Time{}, time.Time{}
}

// drop gives the name up: nothing of the instance is left.
func (c *claim) drop(ctx context.Context) error {
	return catalog.IgnoreNotFound(c.fleet.placements.Delete(ctx, c.record.Key, c.record.Revision))
}

func (c *claim) change(ctx context.Context, edit func(*catalog.Placement)) error {
	to := c.record.Value
	edit(&to)
	record, err := c.fleet.placements.Replace(ctx, c.record.Key, c.record.Revision, to)
	if err == nil {
		c.record = record
	}
	return err
}
