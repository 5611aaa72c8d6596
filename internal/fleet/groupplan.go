package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
)

// checkApart reports a label that no host has.
func (f *Fleet) checkApart(w Where, fs *finding.List) {
	labelled := func(m *Member) bool { return m.value(w.apart()) != "" }
	if w.Group == "" || slices.ContainsFunc(f.members, labelled) {
		return
	}
	fs.Add(finding.At("placement").Name("apart"), "Unknown label", fmt.Sprintf("No host of the provider has a label "+
		"%q, by which the instances of group %q would be kept apart. Name a label that hosts have, or %q.", w.apart(),
		w.Group, catalog.ApartByHost))
}

// noRoom is the error that no host takes an instance.
func noRoom(name string, w Where, refused []Refusal) *NoRoomError {
	e := &NoRoomError{Instance: name, Refused: refused}
	if w.Strict && len(w.others) > 0 {
		e.more = "\nAn instance that is replaced keeps its host until it is removed: with create_before_destroy, its " +
			"strict group needs one host more."
	}
	return e
}

// refusing are the refusals if none of the hosts that fit takes the instance, for one reason.
func (o offers) refusing(why string) []Refusal {
	refused := slices.Clone(o.refused)
	for _, c := range o.fit {
		refused = append(refused, Refusal{c.Name, why})
	}
	return refused
}

// fitsBeside checks that the hosts that may take an instance of a strict group are enough, together with others,
// for all instances of the group that the plan creates.
func (f *Fleet) fitsBeside(name string, all offers, w Where) error {
	if !w.Strict || name == "" {
		return nil
	}
	var values []string
	for _, c := range all.fit {
		values = append(values, c.value(w.apart()))
	}
	other := f.plan.claim(name, w, values)
	if other == "" {
		return nil
	}
	return noRoom(name, w, all.refusing(fmt.Sprintf("this plan has more instances of the strict group %q than hosts "+
		"for them, such as %q", w.Group, other)))
}

// PlanApart is the part of Plan that only depends on the group of a new instance: it checks that a strict group
// leaves a host for it.
func (f *Fleet) PlanApart(ctx context.Context, name string, w Where) error {
	if w.Group == "" || !w.Strict || !f.Named() {
		return nil
	}
	err := withoutWait(f.library.Removals.WhilePlanning(ctx, func() (err error) {
		if w, err = f.beside(ctx, name, w, f.placed, f.library.Plan.Goes); err != nil {
			return err
		}
		allowed, refused := f.takers(w)
		left, held := f.vacant(w, allowed)
		all := offers{refused: append(refused, held...)}
		for _, m := range left {
			all.fit = append(all.fit, candidate{Member: m})
		}
		err = f.fitsBeside(name, all, w)
		if len(left) == 0 {
			err = noRoom(name, w, all.refused)
		}
		if err != nil {
			return planning.Taken(err)
		}
		return nil
	}))
	if _, none := errors.AsType[*NoRoomError](err); none && f.willGo(ctx, w) {
		return f.PlanApart(ctx, name, w)
	}
	return err
}

// willGo records that the plan removes the instances of a strict group that no host has any more, whose
// placements keep others off their hosts: the apply removes the placements. It reports whether there are any.
func (f *Fleet) willGo(ctx context.Context, w Where) bool {
	gone := f.goneOf(ctx, f.holding(w))
	for _, rec := range gone {
		f.library.Plan.WillGo(rec.Value.UUID)
	}
	return len(gone) > 0
}

// PlanGroup checks that an instance which is on a member can join a strict group there, together with what the
// running plan creates. As for names, it waits a moment to learn what the plan removes.
func (f *Fleet) PlanGroup(ctx context.Context, name string, on *Member, w Where) error {
	if w.Group == "" || !w.Strict || !f.Named() {
		return nil
	}
	value := on.value(w.apart())
	refused := func(holder string) error {
		return planning.Taken(&GroupRefusal{name, on.Name, &catalog.GroupError{
			GroupClaim: catalog.GroupClaim{Tenant: f.library.Tenant(), Group: w.Group, Apart: w.apart(), Value: value},
			Holder:     holder,
		}})
	}
	err := withoutWait(f.library.Removals.WhilePlanning(ctx, func() (err error) {
		if w, err = f.beside(ctx, name, w, f.placed, f.library.Plan.Goes); err != nil {
			return err
		}
		if held := f.holder(w, on); held != nil {
			return refused(held.Holder)
		}
		if other := f.plan.claim(name, w, []string{value}); other != "" {
			return refused(other)
		}
		return nil
	}))
	if _, held := errors.AsType[*GroupRefusal](err); held && f.willGo(ctx, w) {
		return f.PlanGroup(ctx, name, on, w)
	}
	return err
}

// Together reports that an instance which is on a member is where its strict group does not allow it: other
// means have brought it there, or the labels of hosts have changed.
func (f *Fleet) Together(ctx context.Context, name string, on *Member, w Where) (finding.List, error) {
	if w.Group == "" || !w.Strict || !f.Named() {
		return nil, nil
	}
	w, err := f.beside(ctx, name, w, f.placed, nil)
	held := f.holder(w, on)
	if err != nil || held == nil {
		return nil, err
	}
	return finding.List{{
		Path: finding.At("placement").Name("group"), Summary: "Instances of a strict group are together",
		Detail: fmt.Sprintf("Instance %q is on host %s, where its strict group %q does not allow it: %s. Both stay, "+
			"because only a change of placement moves an instance.", name, on.Name, w.Group, held.Why()),
	}}, nil
}
