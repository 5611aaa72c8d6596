package fleet

import (
	"context"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// Course is a move as a plan announces it.
type Course struct {
	Live  bool     // the guest runs on meanwhile
	To    []string // the hosts that can have the instance, by name
	Only  *Member  // the one that it can only go to; nil if there are several
	Bytes uint64   // that are copied at least; 0 if a host shares the instance's pool
}

// PlanMove checks that an instance that is on a member can be moved to one where it may be; live says that
// its guest is to run on meanwhile.
func (f *Fleet) PlanMove(
	ctx context.Context, on *Member, i kind.Instance, b kind.Blueprint, w Where, live bool,
) (Course, error) {
	cargo, err := on.load(ctx, i, b, live)
	if err != nil {
		return Course{}, err
	}
	all, only, err := f.plans(ctx, i.Facts.Name, b, w, func(ctx context.Context, all offers) (offers, error) {
		all, err := all.suiting(ctx, func(ctx context.Context, m *Member) error {
			return m.Vacant(ctx, cargo, on.Provisioner, on.Name)
		})
		if err == nil && live {
			all, err = all.living(ctx, cargo, on)
		}
		return all, err
	})
	course := Course{Live: live, Only: only, Bytes: cargo.Bytes()}
	for _, c := range all.fit {
		course.To = append(course.To, c.Name)
		if shared, unsure := c.Shares(ctx, cargo, on.Name); shared && unsure == nil {
			course.Bytes = 0
		}
	}
	slices.Sort(course.To)
	return course, err
}

// load is what another host gets of an instance.
func (m *Member) load(ctx context.Context, i kind.Instance, b kind.Blueprint, live bool) (provision.Cargo, error) {
	cargo, err := m.Cargo(ctx, i, b)
	if err == nil && live {
		cargo, err = m.Live(ctx, cargo)
	}
	return cargo, err
}

// suiting leaves out the candidates that do not suit.
func (o offers) suiting(ctx context.Context, suits func(context.Context, *Member) error) (offers, error) {
	members := make([]*Member, len(o.fit))
	for n, c := range o.fit {
		members[n] = c.Member
	}
	errs := make([]error, len(o.fit))
	each(members, func(n int, m *Member) { errs[n] = suits(ctx, m) })
	left := offers{refused: o.refused, named: o.named}
	for n, c := range o.fit {
		switch why, refuses := refusal(errs[n]); {
		case errs[n] == nil:
			left.fit = append(left.fit, c)
		case refuses:
			left.refused = append(left.refused, Refusal{c.Name, why})
		case host.Unanswered(errs[n]):
			left.refused = append(left.refused, Refusal{c.Name, "it does not answer: " + errs[n].Error()})
		default:
			return offers{}, fmt.Errorf("host %s: %w", c.Name, errs[n])
		}
	}
	return left, nil
}

// Allows reports whether a member is one where an instance may be.
func (f *Fleet) Allows(w Where, m *Member) bool {
	allowed, _ := f.Allowed(w)
	return slices.Contains(allowed, m)
}
