package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
)

// Instances of a group are kept apart by host, or by a label of hosts. That decides first in which order hosts
// are tried. In a strict group, each placement also claims the value of its host, and the catalog admits a
// claim once: see catalog.Placement.Claims. An instance that is where it may not be claims nothing, and hosts
// where it is take no other of the group.

// apart is what the group is kept apart by.
func (w Where) apart() string { return cmp.Or(w.Apart, catalog.ApartByHost) }

// SameGroup reports whether both keep an instance apart in the same way.
func (w Where) SameGroup(other Where) bool {
	return w.Group == other.Group && (w.Group == "" || w.apart() == other.apart() && w.Strict == other.Strict)
}

// join makes a placement one of an instance that has this Where. If the placement was in another group, or in
// the same in another way, it claims nothing yet.
func (w Where) join(p *catalog.Placement) {
	to := catalog.Placement{}
	if w.Group != "" {
		to.Group, to.Apart, to.Strict = w.Group, w.apart(), w.Strict
	}
	if !p.SameGroup(to) {
		p.Group, p.Apart, p.Strict, p.Value, p.ToValue = to.Group, to.Apart, to.Strict, "", ""
	}
}

// value is what instances on the host have in common: the value of a label, or the host's name.
func (m *Member) value(apart string) (value string, known bool) {
	if apart == catalog.ApartByHost {
		return m.Name, true
	}
	value, known = m.Labels[apart]
	return value, known
}

// claims is what a placement claims of its strict group if its instance is on the host; "" if that is nothing.
func (m *Member) claims(p catalog.Placement) string {
	if p.Group == "" || !p.Strict {
		return ""
	}
	value, _ := m.value(p.Apart)
	return value
}

// unlabelled returns why a host without the label takes no instance of a strict group; "" if it has the label.
func (w Where) unlabelled(m *Member) string {
	if value, _ := m.value(w.apart()); w.Group == "" || !w.Strict || value != "" {
		return ""
	}
	return fmt.Sprintf("no label %s, by which the instances of group %q are kept apart (labels: %s)", w.apart(), w.Group,
		Labels(m.Labels))
}

// beside returns a Where that knows the other instances of the group, by a list of the tenant's placements. If
// there is no group, nothing is read. goes picks instances that do not count; it may be nil.
func (f *Fleet) beside(
	ctx context.Context, name string, w Where,
	list func(context.Context) ([]catalog.Record[catalog.Placement], error), goes func(uuid string) bool,
) (Where, error) {
	if w.Group == "" || !f.Named() {
		return w, nil
	}
	records, err := list(ctx)
	w.others = nil
	for _, rec := range records {
		p := rec.Value
		if p.Group == w.Group && p.Name != name && (goes == nil || p.UUID == "" || !goes(p.UUID)) {
			w.others = append(w.others, rec)
		}
	}
	return w, err
}

// listed are the placements of the tenant now.
func (f *Fleet) listed(ctx context.Context) ([]catalog.Record[catalog.Placement], error) {
	return f.placements.List(ctx, f.library.Tenant()+"/")
}

// has reports whether a placement has a value of what its group is kept apart by: it claims the value, or it
// claims nothing and its instance is on a host that has it.
func (f *Fleet) has(p catalog.Placement, value string) bool {
	if claims := p.Claims(); len(claims) > 0 {
		return slices.ContainsFunc(claims, func(c catalog.GroupClaim) bool { return c.Value == value })
	}
	for _, name := range []string{p.Host, p.To} {
		if m, known := f.Member(name); known {
			if its, _ := m.value(p.Apart); its == value {
				return true
			}
		}
	}
	return false
}

// holder returns the other instance that keeps one of a strict group off a member; nil if there is none.
func (f *Fleet) holder(w Where, m *Member) *catalog.GroupError {
	if w.Group == "" || !w.Strict {
		return nil
	}
	value, _ := m.value(w.apart())
	if value == "" { // see unlabelled
		return nil
	}
	for _, rec := range w.others {
		if p := rec.Value; p.Strict && p.Apart == w.apart() && f.has(p, value) {
			return &catalog.GroupError{
				GroupClaim: catalog.GroupClaim{Tenant: p.Tenant, Group: p.Group, Apart: p.Apart, Value: value}, Holder: p.Name,
			}
		}
	}
	return nil
}

// vacant leaves out the members off which other instances of a strict group keep this one.
func (f *Fleet) vacant(w Where, members []*Member) (left []*Member, refused []Refusal) {
	for _, m := range members {
		if held := f.holder(w, m); held != nil {
			refused = append(refused, Refusal{m.Name, held.Why()})
		} else {
			left = append(left, m)
		}
	}
	return left, refused
}

// crowd counts the other instances of the group that a member would have, or hosts with the same value. What
// this process has chosen for an instance counts before the catalog says so. f.choosing has to be held.
func (f *Fleet) crowd(name string, w Where, m *Member) (n int) {
	if w.Group == "" {
		return 0
	}
	value, _ := m.value(w.apart())
	same := func(host string) bool {
		other, known := f.Member(host)
		if !known {
			return false
		}
		its, _ := other.value(w.apart())
		return its == value
	}
	for _, rec := range w.others {
		if _, chosen := f.chosen[rec.Value.Name]; !chosen && (same(rec.Value.Host) || same(rec.Value.To)) {
			n++
		}
	}
	for other, c := range f.chosen {
		if other != name && c.group == w.Group && same(c.host) {
			n++
		}
	}
	return n
}

// chosen is the host that this process has chosen for an instance of a group.
type chosen struct{ group, host string }

// chose notes which host this process has chosen for an instance. f.choosing has to be held.
func (f *Fleet) chose(name string, w Where, m *Member) {
	if w.Group != "" {
		f.chosen[name] = chosen{w.Group, m.Name}
	}
}

// chooses is chose while f.choosing is not held.
func (f *Fleet) chooses(name string, w Where, m *Member) {
	f.choosing.Lock()
	defer f.choosing.Unlock()
	f.chose(name, w, m)
}

// forsake notes that this process has given an instance up, or has removed it.
func (f *Fleet) forsake(name string) {
	f.choosing.Lock()
	defer f.choosing.Unlock()
	delete(f.chosen, name)
}

// checkApart reports a label that no host has.
func (f *Fleet) checkApart(w Where, fs *finding.List) {
	if w.Group == "" || slices.ContainsFunc(f.members, func(m *Member) bool {
		value, _ := m.value(w.apart())
		return value != ""
	}) {
		return
	}
	fs.Add(finding.At("placement").Name("apart"), "Unknown label", fmt.Sprintf("No host of the provider has a label %q, "+
		"by which the instances of group %q would be kept apart. Name a label that hosts have, or %q.", w.apart(), w.Group,
		catalog.ApartByHost))
}

// noRoom is the error that no host takes an instance.
func noRoom(name string, w Where, refused []Refusal) *NoRoomError {
	e := &NoRoomError{Instance: name, Refused: refused}
	if w.Strict && len(w.others) > 0 {
		e.more = "\nAn instance that is replaced keeps its host until it is removed: with create_before_destroy, its strict " +
			"group needs one host more."
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
		value, _ := c.value(w.apart())
		values = append(values, value)
	}
	other := f.plan.claim(name, w, values)
	if other == "" {
		return nil
	}
	return noRoom(name, w, all.refusing(fmt.Sprintf("this plan has more instances of the strict group %q than hosts for "+
		"them, such as %q", w.Group, other)))
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
		allowed, refused := f.Allowed(w)
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

// holding are the placements that keep an instance of a strict group off hosts where it may be.
func (f *Fleet) holding(w Where) []catalog.Record[catalog.Placement] {
	if !w.Strict {
		return nil
	}
	allowed, _ := f.Allowed(w)
	return slices.DeleteFunc(slices.Clone(w.others), func(rec catalog.Record[catalog.Placement]) bool {
		return !slices.ContainsFunc(allowed, func(m *Member) bool {
			held := f.holder(Where{
				Group: w.Group, Apart: w.Apart, Strict: true, others: []catalog.Record[catalog.Placement]{rec},
			}, m)
			return held != nil
		})
	})
}

// makeRoom removes placements that keep an instance of a strict group off hosts although nothing stands behind
// them any more. It reports whether there were any.
func (f *Fleet) makeRoom(ctx context.Context, w Where) bool {
	holding := f.holding(w)
	if len(holding) == 0 {
		return false
	}
	removed := f.drop(ctx, f.goneOf(ctx, holding))
	now, err := f.clock(ctx)
	for _, rec := range holding {
		if err == nil && rec.Value.Abandoned(now) {
			f.settleAbandoned(ctx, rec)
			removed = true
		}
	}
	return removed
}

// clashes returns why a host does not take an instance of a strict group, if an error says so.
func clashes(err error) (why string, is bool) {
	clash, is := errors.AsType[*catalog.GroupError](err)
	if is {
		why = clash.Why()
	}
	return why, is
}

// GroupRefusal says that an instance cannot be in a strict group where it is. It wraps a catalog.GroupError.
type GroupRefusal struct {
	instance, host string
	*catalog.GroupError
}

func (e *GroupRefusal) Error() string { return e.finding().Error() }

// Unwrap returns the catalog's error.
func (e *GroupRefusal) Unwrap() error { return e.GroupError }

// As lets errors.As find the finding.List that the error is: it belongs to an attribute.
func (e *GroupRefusal) As(target any) bool {
	list, ok := target.(*finding.List)
	if ok {
		*list = finding.List{e.finding()}
	}
	return ok
}

func (e *GroupRefusal) finding() finding.Finding {
	return finding.Finding{
		Path: finding.At("placement").Name("group"), Summary: "Instances of a strict group are together",
		Detail: fmt.Sprintf("Instance %q is on host %s and cannot be in the strict group %q there: %s. Move one of them "+
			"first, by its placement.hosts or placement.require, or replace it.", e.instance, e.host, e.Group, e.Why()),
	}
}

// record is note, also for an instance that is where its strict group does not allow it: then the placement
// claims nothing. edit writes what it claims otherwise.
func (f *Fleet) record(ctx context.Context, i kind.Instance, on *Member, edit func(*catalog.Placement)) error {
	err := f.note(ctx, i, on, edit)
	if _, clash := clashes(err); clash {
		err = f.note(ctx, i, on, func(p *catalog.Placement) { edit(p); p.Value = "" })
	}
	return err
}

// joined is note for an instance that joins the group of a Where. It returns a GroupRefusal if it cannot where it
// is.
func (f *Fleet) joined(w Where) func(context.Context, kind.Instance, *Member, func(*catalog.Placement)) error {
	return func(ctx context.Context, i kind.Instance, on *Member, edit func(*catalog.Placement)) error {
		if now, err := f.beside(ctx, i.Facts.Name, w, f.listed, nil); err != nil {
			return err
		} else if held := f.holder(now, on); held != nil && !f.makeRoom(ctx, now) {
			return &GroupRefusal{i.Facts.Name, on.Name, held}
		}
		err := f.note(ctx, i, on, edit)
		if clash, is := errors.AsType[*catalog.GroupError](err); is {
			return &GroupRefusal{i.Facts.Name, on.Name, clash}
		}
		return err
	}
}

// PlanGroup checks that an instance which is on a member can join a strict group there, together with what the
// running plan creates. As for names, it waits a moment to learn what the plan removes.
func (f *Fleet) PlanGroup(ctx context.Context, name string, on *Member, w Where) error {
	if w.Group == "" || !w.Strict || !f.Named() {
		return nil
	}
	value, _ := on.value(w.apart())
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
		Detail: fmt.Sprintf("Instance %q is on host %s, where its strict group %q does not allow it: %s. Both stay, because "+
			"only a change of placement moves an instance.", name, on.Name, w.Group, held.Why()),
	}}, nil
}
