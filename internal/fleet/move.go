package fleet

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// A move copies an instance that is off to another host, and then changes the host in its placement. That
// is the commit: before it, the instance is on the host that it came from, and what is on the other one is
// removed if the move fails; after it, it is the other way around. No guest is started before the domain on
// the other host is gone, except by the undo before the commit. Since the placement says both hosts and who
// works on them, another process can do what a dead one has not done: see settle.go.

// Move moves an instance from a member to the best one where it may be, and then changes it there as
// Update does, which starts it. live says that a guest that runs, and is to run, runs on meanwhile. After an
// error, the member that is returned has the instance.
func (f *Fleet) Move(
	ctx context.Context, on *Member, i kind.Instance, w Where, c provision.Change, live bool,
) (kind.Instance, *Member, error) {
	live = live && i.Running() && c.Running
	if err := f.Check(w).Err(); err != nil {
		return i, on, err
	}
	if i.Running() && c.Running && !live && !c.AllowRestart {
		return i, on, RefuseRestart(i.Facts.Name)
	}
	cargo, err := on.load(ctx, i, *c.Blueprint, live)
	if err != nil {
		return i, on, err
	}
	m := &move{fleet: f, cargo: cargo, live: live, where: w, from: on}
	if err := m.run(ctx); err != nil {
		f.forsake(i.Facts.Name)
		return i, m.has(), err
	}
	changed, err := f.Update(ctx, m.to, i, c, w)
	return changed, m.to, err
}

// RefuseRestart is the finding that an instance that runs may not be shut down for a move.
func RefuseRestart(name string) finding.List {
	return finding.List{{Path: finding.At("placement"), Summary: "Move requires a restart",
		Detail: fmt.Sprintf("A move shuts instance %q down and starts it again, which allow_restart = false forbids: "+
			"stop the instance first (power_state = \"stopped\"), or allow it.", name)}}
}

// move is an instance that is being moved.
type move struct {
	fleet  *Fleet
	cargo  provision.Cargo
	live   bool // its guest runs on
	where  Where
	from   *Member
	to     *Member
	record catalog.Record[catalog.Placement]
	placed bool // there is a placement
	begun  bool // it says that the instance moves
	moved  bool // it says that the instance is on the other host
}

// has is the member that has the instance.
func (m *move) has() *Member {
	if m.moved {
		return m.to
	}
	return m.from
}

func (m *move) run(ctx context.Context) error {
	if err := m.placement(ctx); err != nil {
		return err
	}
	if err := m.copy(ctx); err != nil {
		return m.undo(ctx, err)
	}
	if err := m.commit(ctx); err != nil {
		return err
	}
	return m.finish(ctx)
}

// placement reads the instance's placement. What a dead process has begun is settled first.
func (m *move) placement(ctx context.Context) error {
	i := m.cargo.Instance
	key := catalog.PlacementKey(i.Facts.Tenant, i.Facts.Name)
	rec, err := m.fleet.placements.Get(ctx, key)
	if errors.Is(err, catalog.ErrNotFound) {
		takes := usageOf(m.cargo.Blueprint)
		m.record.Key, m.record.Value = key, catalog.Placement{
			Tenant: i.Facts.Tenant, Name: i.Facts.Name, VCPUs: takes.VCPUs, MemoryMB: takes.MemoryMB,
			DiskGB: takes.DiskGB,
		}
		return nil
	}
	if err == nil {
		err = m.fleet.mayTake(ctx, rec.Value, i.UUID, m.from)
	}
	if err == nil && rec.Value.State == catalog.PlacementMoving {
		if rec, err = m.fleet.settled(ctx, rec); err == nil && rec.Value.Host != m.from.Name {
			err = fmt.Errorf("instance %q is on host %s: a process had moved it there and died; plan again",
				i.Facts.Name, rec.Value.Host)
		}
	}
	m.record, m.placed = rec, true
	return err
}

// copy copies the instance to the first host that takes it.
func (m *move) copy(ctx context.Context) error {
	w, err := m.fleet.beside(ctx, m.cargo.Instance.Facts.Name, m.where, m.fleet.listed, nil)
	if err != nil {
		return err
	}
	all, err := m.fleet.candidates(ctx, m.cargo.Instance.Facts.Name, m.cargo.Blueprint, w, (*Member).now, nil)
	if err != nil {
		return err
	}
	fit, refused := all.fit, all.refused
	demand := provision.DemandOf(m.cargo.Blueprint)
	for len(fit) > 0 {
		settled := m.fleet.choose(fit, m.cargo.Instance.Facts.Name, demand, w)
		m.to, fit = fit[0].Member, fit[1:]
		err := m.enter(ctx)
		settled()
		if err == nil {
			return m.fill(ctx)
		}
		why, refuses := refusal(err)
		if !refuses || ctx.Err() != nil {
			return err
		}
		refused = append(refused, Refusal{m.to.Name, why})
	}
	return &NoRoomError{Instance: m.cargo.Instance.Facts.Name, Refused: refused}
}

// refusal is why a host does not take an instance that was to move there, if another one may.
func refusal(err error) (why string, refuses bool) {
	if full, is := errors.AsType[*provision.FullError](err); is {
		return full.Shortages.String(), true
	}
	if vacant, is := errors.AsType[*provision.VacantError](err); is {
		return vacant.Why, true
	}
	return clashes(err)
}

// enter defines the instance on the host that it moves to. If that refuses the instance, nothing is left
// there.
func (m *move) enter(ctx context.Context) error {
	i := m.cargo.Instance
	if err := m.to.Vacant(ctx, m.cargo, m.from.Provisioner, m.from.Name); err != nil {
		return err
	}
	if m.live {
		if err := m.to.takes(ctx, m.cargo, m.from); err != nil {
			return err
		}
	}
	// The note comes first: with it, a refresh finds out what the placement says. Without a placement that
	// says so, it means nothing.
	if err := m.from.Note(ctx, i.UUID, m.to.Name); err != nil {
		return err
	}
	if err := m.begin(ctx); err != nil {
		if _, clash := clashes(err); clash && !m.begun {
			err = errors.Join(err, m.from.Note(ctx, i.UUID, ""))
		}
		return err
	}
	return m.to.Admit(ctx, m.cargo, m.from.Provisioner, m.from.Name)
}

// begin records between which hosts the instance moves, before anything is there.
func (m *move) begin(ctx context.Context) error {
	now, err := m.fleet.clock(ctx)
	if err != nil {
		return err
	}
	p := m.record.Value
	p.UUID, p.Host, p.State = m.cargo.Instance.UUID, m.from.Name, catalog.PlacementMoving
	p.From, p.To, p.Live = m.from.Name, m.to.Name, m.live
	if m.where.keeps(p) { // both values count until the move is over
		p.ToValue = m.to.claims(p)
	}
	p.Hold(lease.New(ctx, now))
	return step.Uninterrupted(ctx, func(ctx context.Context) error { return m.write(ctx, p) })
}

// write writes the placement.
func (m *move) write(ctx context.Context, p catalog.Placement) error {
	write := func() (catalog.Record[catalog.Placement], error) {
		if !m.placed {
			return m.fleet.placements.Create(ctx, m.record.Key, p)
		}
		return m.fleet.placements.Replace(ctx, m.record.Key, m.record.Revision, p)
	}
	rec, err := write()
	if host.Unanswered(err) { // whichever of the two was carried out, it has written the same
		rec, err = write()
	}
	if err != nil && !host.Unanswered(err) {
		found, unread := m.fleet.placements.Get(ctx, m.record.Key)
		if unread == nil && same(found.Value, p) {
			rec, err = found, nil
		}
	}
	if err != nil {
		return err
	}
	m.record, m.placed, m.begun = rec, true, true
	m.record.Value = p
	return nil
}

// same reports whether a placement is what this process has written.
func same(a, b catalog.Placement) bool {
	return a.Since.Equal(b.Since) && a.Runner == b.Runner && a.UUID == b.UUID && a.Host == b.Host &&
		a.State == b.State && a.To == b.To
}

// fill copies the image and the volumes. The guest is off for as long as the volumes take, unless the move is
// live.
func (m *move) fill(ctx context.Context) error {
	if err := m.to.Supply(ctx, m.cargo); err != nil {
		return err
	}
	if m.live {
		return m.send(ctx)
	}
	if err := m.from.Vacate(ctx, m.cargo.Instance); err != nil {
		return err
	}
	if err := m.to.Fill(ctx, m.cargo, m.from.Provisioner, m.from.Name); err != nil {
		return err
	}
	return m.from.Vacated(ctx, m.cargo.Instance)
}

// commit records that the instance is on the other host. If it is certain that it is not, commit undoes the
// move.
func (m *move) commit(ctx context.Context) error {
	p := m.record.Value
	p.Host = m.to.Name
	if !m.where.keeps(p) { // a group that the instance joins with the move
		m.where.join(&p)
		p.ToValue = m.to.claims(p)
	}
	err := step.Uninterrupted(ctx, func(ctx context.Context) error { return m.write(ctx, p) })
	switch {
	case err == nil:
		m.moved = true
		return nil
	case step.MayBeDone(err):
		stays := "it stays off until the next apply has found out"
		if m.live {
			stays = "the next plan finds out"
		}
		return fmt.Errorf("instance %q was moved to host %s, and it is not known whether the catalog says so: %s: %w",
			m.cargo.Instance.Facts.Name, m.to.Name, stays, err)
	}
	return m.undo(ctx, err)
}

// finish removes the instance from the host that it came from.
func (m *move) finish(ctx context.Context) error {
	ctx, cancel := step.UndoContext(ctx)
	defer cancel()
	rec, err := m.fleet.complete(ctx, m.record)
	m.record = rec
	return m.unfinished(err)
}

// unfinished says that the instance is on its new host, and not yet removed from the old one.
func (m *move) unfinished(err error) error {
	if err == nil {
		return nil
	}
	then := "and off: the next apply starts it, once"
	if m.live {
		then = "and runs. The next plan or apply sees to it that"
	}
	return fmt.Errorf("instance %q is on host %s now, %s it is removed from host %s: %w", m.cargo.Instance.Facts.Name,
		m.to.Name, then, m.from.Name, err)
}

// undo removes what is on the host that the instance was to move to, and brings the instance back to how it
// was. If another process has settled the placement meanwhile, it leaves everything to that.
func (m *move) undo(ctx context.Context, err error) error {
	if !m.begun {
		return err
	}
	ctx, cancel := step.UndoContext(ctx)
	defer cancel()
	found, unread := m.fleet.placements.Get(ctx, m.record.Key)
	if errors.Is(unread, catalog.ErrNotFound) || unread == nil && found.Revision != m.record.Revision {
		return err
	}
	rec, undone := m.fleet.complete(ctx, m.record)
	ctx, stop := step.UndoContext(ctx) // the other host may have taken all of the time
	defer stop()
	switch {
	case !m.live:
		return errors.Join(err, undone, m.from.Return(ctx, m.cargo.Instance))
	case rec.Value.Host == m.to.Name: // the guest has arrived all the same
		m.moved = true
		return errors.Join(err, m.unfinished(undone))
	}
	return errors.Join(err, undone, m.from.Unmoved(ctx, m.cargo.Instance))
}
