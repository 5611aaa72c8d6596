package fleet

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// ledger is what the running plan is going to create, by the instance's name.
type ledger struct {
	mu      sync.Mutex
	planned map[string]intent
	wants   map[string]want // of instances of strict groups
}

// intent is an instance that the running plan creates.
type intent struct {
	demand provision.Demand
	hosts  []string // that it may be on and that have room for it
}

// Plan checks that an instance that the running plan creates can be placed, and returns the one member
// that it can only be on; nil if there are several. Hosts may fill up before the plan is applied. So
// an instance that fits now is refused only if the hosts cannot have, all together, what the plan
// creates on them. Instances that the plan is known to remove do not count. As for names, Plan waits a
// moment to learn of these, and while this process removes something: Terraform plans once more while it
// applies.
func (f *Fleet) Plan(ctx context.Context, name string, b kind.Blueprint, w Where) (only *Member, err error) {
	_, only, err = f.plans(ctx, name, b, w, func(_ context.Context, all offers) (offers, error) { return all, nil })
	return only, err
}

// plans is Plan for those of the hosts that suit. It also returns what the hosts say.
func (f *Fleet) plans(
	ctx context.Context, name string, b kind.Blueprint, w Where, suiting func(context.Context, offers) (offers, error),
) (all offers, only *Member, err error) {
	leaving := func(a host.Allotment) bool { return f.library.Plan.Goes(a.UUID) }
	err = f.library.Removals.WhilePlanning(ctx, func() error {
		var none error
		for _, room := range []look{(*Member).lately, (*Member).now} { // what was full may have room by now
			if w, err = f.beside(ctx, name, w, f.placed, f.library.Plan.Goes); err != nil {
				return err
			}
			all, err = f.candidates(ctx, name, b, w, room, leaving)
			if err == nil {
				all, err = suiting(ctx, all)
			}
			if err != nil {
				return err
			}
			if none = f.fits(name, all, provision.DemandOf(b), w); none == nil {
				return nil
			}
		}
		return planning.Taken(none)
	})
	if _, full := errors.AsType[*NoRoomError](withoutWait(err)); full && f.willGo(ctx, w) {
		return f.plans(ctx, name, b, w, suiting)
	}
	if err != nil {
		return all, nil, withoutWait(err)
	}
	if allowed, _ := f.Allowed(w); len(allowed) == 1 {
		only = allowed[0]
	}
	return all, only, nil
}

// withoutWait is the error of what waited for removals that could have made room.
func withoutWait(err error) error {
	if taken, waited := errors.AsType[*planning.TakenError](err); waited {
		return taken.Unwrap()
	}
	return err
}

// fits checks that an instance fits on the hosts that may take it, together with all that the plan
// creates on them and on no others, and with all instances of a strict group that it creates.
func (f *Fleet) fits(name string, all offers, d provision.Demand, w Where) error {
	if len(all.fit) == 0 {
		return noRoom(name, w, all.refused)
	}
	hosts := make([]string, len(all.fit))
	for i, c := range all.fit {
		hosts[i] = c.Name
	}
	slices.Sort(hosts)
	before := f.plan.add(name, intent{d, hosts})
	short := together(all.fit, before, d)
	if len(short) == 0 {
		return f.fitsBeside(name, all, w)
	}
	return noRoom(name, w, all.refusing("the instances of this plan do not all fit: "+short.String()))
}

// add records an instance, and returns what the plan creates besides it on these hosts and on no others.
func (l *ledger) add(name string, i intent) (others provision.Demand) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.planned == nil {
		l.planned = map[string]intent{}
	}
	l.planned[name] = i
	for other, o := range l.planned {
		if other != name && within(o.hosts, i.hosts) {
			others.VCPUs += o.demand.VCPUs
			others.MemoryMB += o.demand.MemoryMB
		}
	}
	return others
}

// remove takes an instance out that exists by now, so that its host counts it: Terraform plans once more
// while it applies.
func (l *ledger) remove(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.planned, name)
	delete(l.wants, name)
}

// within reports whether all of some hosts are among others.
func within(some, among []string) bool {
	return !slices.ContainsFunc(some, func(name string) bool { return !slices.Contains(among, name) })
}

// together is what hosts lack, taken as one, for a demand after others.
func together(all []candidate, others, demand provision.Demand) provision.Shortages {
	sum := provision.Room{}
	for _, c := range all {
		sum.VCPUs, sum.MemoryMB = plus(sum.VCPUs, c.room.VCPUs), plus(sum.MemoryMB, c.room.MemoryMB)
	}
	return sum.With(others).Lacks(demand)
}

// plus adds figures of two hosts. Hosts without a limit have none together.
func plus(a, b provision.Figure) provision.Figure {
	sum := provision.Figure{Has: a.Has + b.Has, Capacity: a.Capacity + b.Capacity, Allotted: a.Allotted + b.Allotted}
	if a.Capacity == provision.NoLimit || b.Capacity == provision.NoLimit {
		sum.Capacity = provision.NoLimit
	}
	return sum
}
