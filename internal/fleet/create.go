package fleet

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

const (
	// rounds bounds how often a create goes over all hosts that had room when they were asked, and
	// were full when the instance was defined there: other processes create at the same time.
	rounds = 20
	// pause is the longest pause between two rounds. Each is drawn at random, so that processes that
	// were in each other's way do not meet again.
	pause = 400 * time.Millisecond
)

// Create is provision.Provisioner.Create on the best host that takes the instance. exists also gets
// the member that has it.
func (f *Fleet) Create(
	ctx context.Context, r kind.Request, w Where, exists func(kind.Instance, provision.Record, *Member),
) (i kind.Instance, record provision.Record, on *Member, err error) {
	if !f.Named() {
		i, record, err = f.home.Create(ctx, r, func(i kind.Instance, record provision.Record) {
			exists(i, record, f.home)
		})
		return i, record, f.home, err
	}
	if w, err = f.Within(ctx, w); err != nil {
		return i, record, nil, err
	}
	if err := f.Check(w).Err(); err != nil {
		return i, record, nil, err
	}
	defer f.quotas.placed.Forget()
	f.sweep(ctx)
	p := &placing{fleet: f, request: r, where: w, exists: exists, settled: func() {}}
	if err := p.decide(ctx); err != nil {
		return i, record, nil, err
	}
	i, record, err = p.create(ctx)
	return i, record, p.member, err
}

// placing is an instance that is being created on some host.
type placing struct {
	fleet     *Fleet
	request   kind.Request
	blueprint kind.Blueprint
	demand    provision.Demand
	where     Where
	exists    func(kind.Instance, provision.Record, *Member)
	claim     *claim

	cleared bool // what kept it off hosts, and stood for nothing
	round   int
	fit     []candidate // that are still to be tried in this round
	named   []*Member   // that have a domain of the instance's name
	refused []Refusal
	member  *Member // that was tried last
	settled func()  // says that the host counts the domain by now, or that there is none
}

// decide decides what does not depend on the host.
func (p *placing) decide(ctx context.Context) error {
	template, version, err := p.fleet.library.Usable(ctx, p.request.Template.Version(p.request.Version))
	if err != nil {
		return err
	}
	var findings finding.List
	p.blueprint, findings = p.fleet.home.NewBlueprint(p.request, template, version)
	p.demand = provision.DemandOf(p.blueprint)
	return findings.Err()
}

// create claims the name, and creates the instance on the first host that takes it.
func (p *placing) create(ctx context.Context) (kind.Instance, provision.Record, error) {
	defer func() { p.settled() }()
	if err := p.lookWhileFull(ctx); err != nil {
		return kind.Instance{}, provision.Record{}, err
	}
	first, err := p.reserve(ctx)
	if err != nil {
		return kind.Instance{}, provision.Record{}, err
	}
	if first, err = p.turn(ctx, first); err != nil {
		return kind.Instance{}, provision.Record{}, p.giveUp(ctx, err, false)
	}
	i, record, err := first.CreateOr(ctx, p.request, func(i kind.Instance, record provision.Record) {
		p.settled() // the host counts it by now
		p.fleet.plan.remove(p.request.Name)
		p.exists(i, record, p.member)
	}, p.elsewhere)
	if i.UUID != "" {
		_ = p.claim.keep(ctx, i, p.member, p.blueprint) // the instance is there all the same: see leave
		return i, record, err
	}
	return i, record, p.giveUp(ctx, err, record.Left)
}

// lookWhileFull is look. If no host has room and this process removes something, it waits for that:
// Terraform does not order the removal of one instance and the creation of another.
func (p *placing) lookWhileFull(ctx context.Context) error {
	err := p.fleet.library.Removals.WhileTaken(ctx, func() error {
		if err := p.look(ctx); err != nil || len(p.fit) > 0 {
			return err
		}
		return planning.Taken(p.noRoom())
	})
	if _, full := errors.AsType[*NoRoomError](err); full {
		return nil // a dead process may have completed the instance
	}
	return err
}

// look asks the hosts which of them take the instance now, and reserves the best.
func (p *placing) look(ctx context.Context) (err error) {
	w, err := p.fleet.beside(ctx, p.request.Name, p.where, p.fleet.listed, nil)
	if err != nil {
		return err
	}
	p.where = w
	ask := p.fleet.fewCandidates
	if p.round > 0 { // the likely ones were full after all
		ask = p.fleet.allCandidates
	}
	all, err := ask(ctx, p.request.Name, p.blueprint, w)
	p.fit, p.refused, p.named = all.fit, all.refused, all.named
	switch {
	case err != nil:
	case len(p.fit) > 0:
		p.settled = p.fleet.choose(p.fit, p.request.Name, p.demand, w)
	case !p.cleared && p.fleet.makeRoom(ctx, w):
		p.cleared = true
		return p.look(ctx)
	}
	return err
}

// next takes the best host that is left.
func (p *placing) next() *Member {
	m := p.fit[0].Member
	p.fit = p.fit[1:]
	return m
}

// reserve claims the instance's name, and returns the host to begin with. If a dead process has completed
// the instance, that is the host that has it: the instance has its room.
func (p *placing) reserve(ctx context.Context) (*Member, error) {
	claim, err := p.reserved(ctx)
	if err != nil {
		p.fleet.forsake(p.request.Name)
		return nil, err
	}
	p.claim = claim
	if err := p.makeWay(ctx); err != nil {
		return nil, p.giveUp(ctx, err, false)
	}
	switch {
	case claim.heir != nil:
		p.fit = nil
		return claim.heir, nil
	case len(p.fit) == 0:
		return nil, p.giveUp(ctx, p.noRoom(), false)
	}
	return p.next(), nil
}

// reserved claims the name, and in a strict group the first host whose value no other instance of it claims.
func (p *placing) reserved(ctx context.Context) (claim *claim, err error) {
	for {
		first := p.fleet.home
		if len(p.fit) > 0 {
			first = p.fit[0].Member
		}
		err = p.fleet.admitted(ctx, p.where.Pool, func() (err error) {
			claim, err = p.fleet.reserve(ctx, p.request.Name, usageOf(p.blueprint), first, p.where)
			return err
		})
		why, clash := clashes(err)
		switch {
		case !clash:
			return claim, err
		case len(p.fit) == 0:
			return nil, p.noRoom()
		}
		if err := p.pass(ctx, first, why); err != nil {
			return nil, err
		}
	}
}

func (p *placing) noRoom() error { return noRoom(p.request.Name, p.where, p.refused) }

// makeWay sees to domains of the instance's name that no placement stands for, on the hosts that were
// asked: those of instances that were created before the configuration named its hosts. The remains of a
// dead create make way, and what is no instance is in the way on its own host alone.
func (p *placing) makeWay(ctx context.Context) error {
	for _, m := range p.named {
		if m == p.claim.heir {
			continue
		}
		holder, err := m.holder(ctx, p.request.Name)
		if err != nil {
			return err
		}
		switch holder.State {
		case provision.NameTaken, provision.NameComing:
			return p.fleet.taken(p.request.Name, "it is on host "+m.Name)
		case provision.NameOrphaned:
			if p.claim.heir != nil {
				return p.fleet.taken(p.request.Name, "it is on host "+m.Name)
			}
			p.claim.heir = m
		case provision.NameAbandoned:
			if err := m.Clear(ctx, p.request.Name, holder.UUID); err != nil {
				return err
			}
		case provision.NameForeign:
			p.fit = slices.DeleteFunc(p.fit, func(c candidate) bool { return c.Member == m })
			p.refused = append(p.refused, Refusal{m.Name,
				"it has a domain of the same name, which is not an instance of the tenant"})
		case provision.NameFree: // it has just gone
		}
	}
	return nil
}

// elsewhere is what follows if a host was full when the instance was defined there: the next host that
// had room when it was asked; and after all of them, another look at all hosts.
func (p *placing) elsewhere(ctx context.Context, full error) (*provision.Provisioner, error) {
	if err := p.pass(ctx, p.member, shortages(full)); err != nil {
		return nil, err
	}
	next, err := p.turn(ctx, p.next())
	if err != nil {
		return nil, err
	}
	return next.Provisioner, nil
}

// pass passes over a host for a reason, so that fit begins with the next one.
func (p *placing) pass(ctx context.Context, m *Member, why string) error {
	p.settled()
	p.fit = slices.DeleteFunc(p.fit, func(c candidate) bool { return c.Member == m })
	p.refused = append(p.refused, Refusal{m.Name, why})
	switch {
	case len(p.fit) > 0:
		p.settled = p.fleet.promise(p.fit[0].Member, p.request.Name, p.demand)
		return nil
	case p.round == rounds || p.claim != nil && p.claim.heir != nil:
		return p.noRoom()
	}
	if err := kind.Pause(ctx, rand.N(pause)); err != nil {
		return err
	}
	p.round++
	if err := p.look(ctx); err != nil {
		return err
	}
	if len(p.fit) == 0 {
		return p.noRoom()
	}
	return nil
}

// turn makes a member the one that the instance is created on, or the next one whose value no other instance of
// its strict group claims.
func (p *placing) turn(ctx context.Context, m *Member) (*Member, error) {
	for {
		err := p.turnTo(ctx, m)
		why, clash := clashes(err)
		if !clash {
			return m, err
		}
		if err := p.pass(ctx, m, why); err != nil {
			return nil, err
		}
		m = p.next()
	}
}

// shortages is what a host that is full was short of.
func shortages(full error) string {
	if e, ok := errors.AsType[*provision.FullError](full); ok {
		return e.Shortages.String()
	}
	return full.Error()
}

// turnTo makes a member the one that the instance is created on.
func (p *placing) turnTo(ctx context.Context, m *Member) error {
	p.member = m
	p.fleet.chooses(p.request.Name, p.where, m)
	return p.claim.on(ctx, m)
}

// giveUp gives the name up, unless something of the instance may be left on the host. Then the placement
// stays, and the next create of the name, or the sweep of another process, finds that by it. left says that
// something is certainly left.
func (p *placing) giveUp(ctx context.Context, err error, left bool) error {
	p.fleet.forsake(p.request.Name)
	undo, cancel := step.UndoContext(ctx)
	defer cancel()
	if p.member == nil {
		return errors.Join(err, p.claim.drop(undo))
	}
	holder, unsure := p.member.holder(undo, p.request.Name)
	if unsure == nil && left && holder.State == provision.NameFree {
		unsure = p.member.wipe(undo, p.request.Name, "")
	}
	if unsure != nil || holder.State == provision.NameComing || holder.State == provision.NameAbandoned {
		return err
	}
	return errors.Join(err, p.claim.yield(undo, holder, p.member))
}

// CheckName is provision.Planner.CheckName on all hosts that answer. The create also finds names that are
// taken on hosts that do not answer: the catalog has their placements.
func (f *Fleet) CheckName(ctx context.Context, name string) error {
	_ = f.Know(ctx)
	errs := make([]error, len(f.members))
	each(f.members, func(n int, m *Member) {
		errs[n] = unlessLost(m.silence.ask(func() error { return m.CheckName(ctx, name) }))
	})
	if !f.Named() {
		return errs[0]
	}
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil || host.Unanswered(err) })
	if len(errs) == 0 {
		return nil
	}
	return errs[0]
}
