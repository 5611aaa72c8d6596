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
	// before is the placement that the claim took over. It has no name if there was none.
	before catalog.Placement
	// heir is the host with an instance of the name that a dead process has completed: a create there
	// takes it over. nil if there is none.
	heir *Member
}

// reserve claims an instance's name on all hosts. If a removal of this process frees the name, or makes
// room in the quota, it waits for that.
//
// It returns a QuotaRefusal if the quota of the resource pool does not allow what the instance takes.
func (f *Fleet) reserve(
	ctx context.Context, name string, takes catalog.Usage, first *Member, w Where,
) (*claim, error) {
	now, err := f.clock(ctx)
	if err != nil {
		return nil, err
	}
	c := &claim{fleet: f}
	placement := catalog.Placement{
		Tenant: f.library.Tenant(), Name: name, Host: first.Name, Pool: w.Pool,
		VCPUs: takes.VCPUs, MemoryMB: takes.MemoryMB, DiskGB: takes.DiskGB,
		State: catalog.PlacementReserved,
	}
	w.join(&placement)
	placement.Value = first.claims(placement)
	placement.Hold(lease.New(ctx, now))
	err = f.library.Removals.WhileTaken(ctx, func() (err error) {
		c.record, err = f.placements.Create(ctx, placement.Key(), placement)
		if errors.Is(err, catalog.ErrExists) {
			err = c.inherit(ctx, placement, w, now)
		}
		if _, over := errors.AsType[*catalog.QuotaError](err); over {
			return planning.Taken(asRefusal(err))
		}
		return asRefusal(err)
	})
	if refusal, is := errors.AsType[*QuotaRefusal](err); is {
		return nil, refusal
	}
	return c, err
}

// inherit takes over the placement that has the name, unless an instance or a process stands behind it.
func (c *claim) inherit(ctx context.Context, placement catalog.Placement, w Where, now time.Time) error {
	f := c.fleet
	found, err := f.placements.Get(ctx, placement.Key())
	if errors.Is(err, catalog.ErrNotFound) { // it has just gone
		c.record, err = f.placements.Create(ctx, placement.Key(), placement)
		if errors.Is(err, catalog.ErrExists) {
			return f.taken(placement.Name, "another process has just claimed it")
		}
		return err
	}
	if err != nil {
		return err
	}
	c.before, c.heir = found.Value, nil
	if p := found.Value; p.State != catalog.PlacementPlaced && !p.Abandoned(now) {
		return f.taken(placement.Name, fmt.Sprintf("process %s has been %s it since %s", lease.Show(p.Runner),
			doing[p.State], p.Since.Format("15:04:05")))
	}
	if found.Value.State == catalog.PlacementMoving {
		if found, err = f.settled(ctx, found); err != nil {
			return err
		}
	}
	on, known := f.Member(found.Value.Host)
	if !known {
		return f.taken(placement.Name, fmt.Sprintf("the catalog has it on host %q, which the provider does not have "+
			"under this name", found.Value.Host))
	}
	holder, err := on.holder(ctx, placement.Name)
	if err != nil {
		return fmt.Errorf("finding out what has the name of instance %q on host %s: %w", placement.Name, on.Name, err)
	}
	remains := false
	switch holder.State {
	case provision.NameOrphaned:
		if why := w.refuses(on); why != "" {
			return f.taken(placement.Name, fmt.Sprintf("it is on host %s, which placement does not allow: %s",
				on.Name, why))
		}
		c.heir = on
		placement.Host, placement.Value = on.Name, on.claims(placement)
	case provision.NameAbandoned:
		remains = true
	case provision.NameFree:
		remains, err = true, f.nowhere(ctx, found.Value)
	default:
		return f.taken(placement.Name, "it is on host "+on.Name)
	}
	if err != nil {
		return err
	}
	c.record, err = f.placements.Replace(ctx, placement.Key(), found.Revision, placement)
	if _, clash := clashes(err); clash && c.heir != nil { // it is there already
		placement.Value = ""
		c.record, err = f.placements.Replace(ctx, placement.Key(), found.Revision, placement)
	}
	if errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrNotFound) {
		return f.taken(placement.Name, "another process has just claimed it")
	}
	if err == nil && remains {
		// Not before the name is claimed: another process could create an instance of the name meanwhile, and its
		// disks would have the same names.
		if err = on.wipe(ctx, placement.Name, holder.UUID); err != nil {
			err = errors.Join(err, f.giveBack(ctx, c.record, c.before))
		}
	}
	return err
}

// giveBack makes a placement what it was before this process took it over, so that any process may try at once
// to clear away what is left.
func (f *Fleet) giveBack(
	ctx context.Context, rec catalog.Record[catalog.Placement], was catalog.Placement,
) error {
	ctx, cancel := step.UndoContext(ctx)
	defer cancel()
	was.Hold(lease.Lease{})
	_, err := f.placements.Replace(ctx, rec.Key, rec.Revision, was)
	return err
}

// doing says what a process does that works on a placement in a state.
var doing = map[catalog.PlacementState]string{
	catalog.PlacementReserved: "creating", catalog.PlacementMoving: "moving", catalog.PlacementLeaving: "removing",
}

// nowhere checks that no host has the instance of a placement: it may have been moved or renamed by other
// means.
func (f *Fleet) nowhere(ctx context.Context, p catalog.Placement) error {
	if p.UUID == "" {
		return nil
	}
	_, on, err := f.Read(ctx, p.Host, p.UUID)
	switch {
	case err == nil:
		return f.taken(p.Name, "it is on host "+on.Name)
	case !isGone(err):
		return err
	}
	return nil
}

// holder is what has an instance's name on the host: nothing, if the host is lost.
func (m *Member) holder(ctx context.Context, name string) (h provision.Holder, err error) {
	err = m.silence.ask(func() (err error) { h, err = m.Holder(ctx, name); return err })
	return h, unlessLost(err)
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
	err := c.change(ctx, func(p *catalog.Placement) { p.Host, p.Value = m.Name, m.claims(*p) })
	if _, clash := clashes(err); clash && m == c.heir { // it is there already
		err = c.change(ctx, func(p *catalog.Placement) { p.Host, p.Value = m.Name, "" })
	}
	return err
}

// keep records that the instance exists, and what it takes.
func (c *claim) keep(ctx context.Context, i kind.Instance, on *Member, b kind.Blueprint) error {
	err := step.Completed(ctx, func(ctx context.Context) error {
		return c.change(ctx, func(p *catalog.Placement) { settle(p, i.UUID, on.Name) })
	})
	if errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrNotFound) { // it has been taken for abandoned
		return c.fleet.Adopt(ctx, i, on, &b)
	}
	return err
}

// yield gives the name up: this create has left nothing. If an instance has the name on a host, and the
// claim was taken over from its placement, it gets its placement again.
func (c *claim) yield(ctx context.Context, holder provision.Holder, on *Member) error {
	has := holder.State == provision.NameTaken || holder.State == provision.NameOrphaned
	if !has || c.before.Name == "" {
		return c.drop(ctx)
	}
	back := func(p *catalog.Placement) {
		*p = c.before
		settle(p, holder.UUID, on.Name)
	}
	err := c.change(ctx, back)
	if _, clash := clashes(err); clash { // another instance has taken its place in the group meanwhile
		err = c.change(ctx, func(p *catalog.Placement) { back(p); p.Value = "" })
	}
	return err
}

// settle makes a placement that of an instance which is on a host.
func settle(p *catalog.Placement, uuid, host string) {
	if p.State == catalog.PlacementMoving && host == p.To {
		p.Value = p.ToValue
	}
	p.ToValue = ""
	p.UUID, p.Host, p.State = uuid, host, catalog.PlacementPlaced
	p.From, p.To, p.Live = "", "", false
	p.Hold(lease.Lease{})
}

// drop removes the placement.
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
