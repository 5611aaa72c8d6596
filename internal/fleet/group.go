package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
)

// Instances of a group are kept apart by host, or by a label of hosts. That decides first in which order hosts
// are tried. In a strict group, each placement also claims the value of its host, and the catalog admits a
// claim once: see catalog.Placement.Claims. An instance that is where it may not be claims nothing, and hosts
// where it is take no other of the group.

// apart is what the group is kept apart by.
func (w Where) apart() string { return cmp.Or(w.Apart, catalog.ApartByHost) }

// SameGroup reports whether both keep an instance apart in the same way.
func (w Where) SameGroup(other Where) bool {
	return w.membership() == other.membership()
}

// join makes a placement one of an instance that has this Where. If the placement was in another group, or in
// the same in another way, it claims nothing yet.
func (w Where) join(p *catalog.Placement) {
	if to := w.membership(); !w.keeps(*p) {
		p.Group, p.Apart, p.Strict, p.Value, p.ToValue = to.Group, to.Apart, to.Strict, "", ""
	}
}

// membership is a placement that says of groups what this Where says.
func (w Where) membership() (p catalog.Placement) {
	if w.Group != "" {
		p.Group, p.Apart, p.Strict = w.Group, w.apart(), w.Strict
	}
	return p
}

// keeps reports whether a placement is in the group of this Where already, in the same way.
func (w Where) keeps(p catalog.Placement) bool { return p.SameGroup(w.membership()) }

// value is what instances on the host have in common: the value of a label, "" if the host does not have it, or
// the host's name.
func (m *Member) value(apart string) string {
	if apart == catalog.ApartByHost {
		return m.Name
	}
	return m.Labels[apart]
}

// claims is what a placement claims of its strict group if its instance is on the host; "" if that is nothing.
func (m *Member) claims(p catalog.Placement) string {
	if p.Group == "" || !p.Strict {
		return ""
	}
	return m.value(p.Apart)
}

// unlabelled returns why a host without the label takes no instance of a strict group; "" if it has the label.
func (w Where) unlabelled(m *Member) string {
	if w.Group == "" || !w.Strict || m.value(w.apart()) != "" {
		return ""
	}
	return fmt.Sprintf("no label %s, by which the instances of group %q are kept apart (labels: %s)", w.apart(),
		w.Group, Labels(m.Labels))
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
		if m, known := f.Member(name); known && m.value(p.Apart) == value {
			return true
		}
	}
	return false
}

// holder returns the other instance that keeps one of a strict group off a member; nil if there is none.
func (f *Fleet) holder(w Where, m *Member) *catalog.GroupError {
	if w.Group == "" || !w.Strict {
		return nil
	}
	value := m.value(w.apart())
	if value == "" { // see unlabelled
		return nil
	}
	for _, rec := range w.others {
		if p := rec.Value; p.Strict && p.Apart == w.apart() && f.has(p, value) {
			return &catalog.GroupError{
				GroupClaim: catalog.GroupClaim{Tenant: p.Tenant, Group: p.Group, Apart: p.Apart, Value: value},
				Holder:     p.Name,
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
	value := m.value(w.apart())
	same := func(host string) bool {
		other, known := f.Member(host)
		return known && other.value(w.apart()) == value
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

// clashes returns why a host does not take an instance of a strict group, if an error says so.
func clashes(err error) (why string, is bool) {
	clash, is := errors.AsType[*catalog.GroupError](err)
	if is {
		why = clash.Why()
	}
	return why, is
}
