package fleet

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// askedAtOnce bounds how many hosts are asked the same question at once.
const askedAtOnce = 32

// SilentError says that no host which answered has an instance, and that other hosts did not answer.
// The instance may be on one of those.
type SilentError struct {
	What   string // "instance UUID"
	Silent map[string]error
}

func (e *SilentError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "no host that answers has %s, and it may be on a host that does not answer", e.What)
	for _, name := range slices.Sorted(maps.Keys(e.Silent)) {
		fmt.Fprintf(&b, "\n  - %s: %v", name, e.Silent[name])
	}
	return b.String()
}

// Unwrap returns the errors of the silent hosts.
func (e *SilentError) Unwrap() []error {
	var all []error
	for _, name := range slices.Sorted(maps.Keys(e.Silent)) {
		all = append(all, e.Silent[name])
	}
	return all
}

// TwiceError says that two hosts have an instance, and that the catalog does not say which of them is
// right.
type TwiceError struct {
	What  string
	Hosts []string
}

func (e *TwiceError) Error() string {
	return fmt.Sprintf("%s is on several hosts: %s. Nothing was changed. Remove the domains that are copies with "+
		"`virsh undefine` on their hosts", e.What, strings.Join(e.Hosts, ", "))
}

// UnknownHostError says that an instance was last seen on a host that the provider no longer has.
type UnknownHostError struct {
	What string
	Host string
	Has  []string
}

func (e *UnknownHostError) Error() string {
	return fmt.Sprintf("%s was last seen on host %q, which the provider no longer has (it has: %s), and no other host "+
		"has it. It stays in the state. Add the host to the provider's hosts again; then, if it is gone for good, say "+
		"so by a novacron_host with state = \"lost\"; or run `terraform state rm ADDRESS`", e.What, e.Host,
		strings.Join(e.Has, ", "))
}

// Refresh is provision.Reader.Refresh for an instance that was last seen on the member of a name; ""
// if that is not known. If that member does not have it, all others are asked. It returns
// provision.ErrNotFound only if all hosts say that they do not have it.
func (f *Fleet) Refresh(ctx context.Context, on, uuid string) (kind.Instance, *Member, error) {
	return f.locate(ctx, on, "instance "+uuid, func(m *Member) (kind.Instance, error) { return m.Refresh(ctx, uuid) })
}

// Read is Refresh, but asks for this instance alone, which is to be changed: it returns a *MovingError if
// another process moves the instance.
func (f *Fleet) Read(ctx context.Context, on, uuid string) (kind.Instance, *Member, error) {
	if err := f.Know(ctx); err != nil {
		return kind.Instance{}, nil, err
	}
	read := func(m *Member) (kind.Instance, error) { return m.Read(ctx, uuid) }
	i, m, err := f.found(ctx, on, "instance "+uuid, read)
	if err == nil && i.Facts.Moving != "" && f.Named() {
		return f.follow(ctx, i, m, true, read)
	}
	return i, m, err
}

// Lookup is provision.Reader.Lookup on all hosts.
func (f *Fleet) Lookup(ctx context.Context, ref string) (kind.Instance, *Member, error) {
	return f.locate(ctx, "", fmt.Sprintf("instance %q", ref),
		func(m *Member) (kind.Instance, error) { return m.Lookup(ctx, ref) })
}

// Own is provision.Reader.Own on all hosts.
func (f *Fleet) Own(ctx context.Context, uuid string) (kind.Instance, *Member, error) {
	return f.locate(ctx, "", "instance "+uuid, func(m *Member) (kind.Instance, error) { return m.Own(ctx, uuid) })
}

// Find is provision.Reader.Find on all hosts.
func (f *Fleet) Find(ctx context.Context, tenant, name string) (kind.Instance, *Member, error) {
	return f.locate(ctx, "", fmt.Sprintf("instance %q", tenant+"/"+name),
		func(m *Member) (kind.Instance, error) { return m.Find(ctx, tenant, name) })
}

// locate finds an instance, also while it is being moved.
func (f *Fleet) locate(
	ctx context.Context, on, what string, read func(*Member) (kind.Instance, error),
) (kind.Instance, *Member, error) {
	i, m, err := f.found(ctx, on, what, read)
	if err == nil && i.Facts.Moving != "" && f.Named() {
		return f.follow(ctx, i, m, false, read)
	}
	return i, m, err
}

// found asks the member of a name first, and then all others.
func (f *Fleet) found(
	ctx context.Context, on, what string, read func(*Member) (kind.Instance, error),
) (kind.Instance, *Member, error) {
	if !f.Named() {
		i, err := read(f.home)
		return i, f.home, err
	}
	_ = f.Know(ctx) // an instance can be read without the catalog
	first, known := f.Member(on)
	if known {
		i, err := first.read(read)
		if err != nil && !isGone(err) {
			return i, first, &HostError{first.Name, err}
		}
		if err == nil {
			return i, first, nil
		}
	}
	i, m, err := f.search(ctx, what, slices.DeleteFunc(f.Members(), func(m *Member) bool { return m == first }), read)
	if on != "" && !known && errors.Is(err, provision.ErrNotFound) {
		err = &UnknownHostError{what, on, f.Names()}
	}
	if known && first.lost() && errors.Is(err, provision.ErrNotFound) {
		err = &LostError{first.State(), what}
	}
	if m == nil {
		m = first
	}
	return i, m, err
}

// Missing is hostid.Here.Moved for an instance that no host has, and that was last seen on the member on;
// nil if that is not known. It returns nil if one of the members is the host that was noted: that host has
// said itself that it does not have the instance.
func (f *Fleet) Missing(ctx context.Context, on *Member, noted hostid.ID) error {
	asked := f.present()
	if on != nil && !on.lost() { // it is that host, mostly
		asked = slices.Insert(asked, 0, on)
	}
	var moved error
	for _, m := range asked {
		err := m.Here.Moved(ctx, noted)
		if err == nil {
			return nil
		}
		if moved == nil || errors.Is(err, hostid.ErrPerhapsMoved) {
			moved = err
		}
	}
	return moved
}

// None begins a sentence which says that there is no instance of a name.
func (f *Fleet) None() string {
	if !f.Named() {
		return "the host has no"
	}
	return fmt.Sprintf("none of the hosts %s has an", strings.Join(f.Names(), ", "))
}

// read asks the host, unless it was silent a moment ago.
func (m *Member) read(read func(*Member) (kind.Instance, error)) (i kind.Instance, err error) {
	err = m.silence.ask(func() (err error) { i, err = read(m); return err })
	return i, err
}

// answer is what a member says of an instance.
type answer struct {
	instance kind.Instance
	err      error
}

// search asks members for an instance, all at once.
func (f *Fleet) search(
	ctx context.Context, what string, members []*Member, read func(*Member) (kind.Instance, error),
) (kind.Instance, *Member, error) {
	answers := make([]answer, len(members))
	each(members, func(n int, m *Member) { answers[n].instance, answers[n].err = m.read(read) })
	var found []int
	silent := map[string]error{}
	for n, a := range answers {
		switch {
		case a.err == nil:
			found = append(found, n)
		case isGone(a.err):
		case host.Unanswered(a.err):
			silent[members[n].Name] = a.err
		default:
			return kind.Instance{}, members[n], fmt.Errorf("host %s: %w", members[n].Name, a.err)
		}
	}
	if len(found) > 1 {
		n, err := f.decide(ctx, what, members, found, answers)
		return answers[n].instance, members[n], err
	}
	switch {
	case len(found) == 1:
		return answers[found[0]].instance, members[found[0]], nil
	case len(silent) > 0:
		return kind.Instance{}, nil, &SilentError{what, silent}
	}
	return kind.Instance{}, nil, fmt.Errorf("%w: none of the hosts %s has %s", provision.ErrNotFound,
		strings.Join(names(f.present()), ", "), what)
}

// decide picks one of several hosts that have an instance: the one that its placement names. Of several
// instances of one name, it is the one whose placement it is: another one may be on a host that was lost.
func (f *Fleet) decide(
	ctx context.Context, what string, members []*Member, found []int, answers []answer,
) (int, error) {
	facts := answers[found[0]].instance.Facts
	rec, err := f.placements.Get(ctx, catalog.PlacementKey(facts.Tenant, facts.Name))
	if err != nil && !errors.Is(err, catalog.ErrNotFound) {
		return found[0], err
	}
	var hosts []string
	owners := slices.DeleteFunc(slices.Clone(found), func(n int) bool {
		return answers[n].instance.UUID != rec.Value.UUID
	})
	if len(owners) == 1 {
		return owners[0], nil
	}
	for _, n := range found {
		if err == nil && members[n].Name == rec.Value.Host {
			return n, nil
		}
		hosts = append(hosts, members[n].Name)
	}
	return found[0], &TwiceError{what, hosts}
}

// Instances is provision.Reader.Instances on all hosts, by name. If a host does not answer, it returns
// what the others have, and an error that names the host.
func (f *Fleet) Instances(ctx context.Context, filter provision.InstanceFilter) (
	found []Placed, overlooked []string, err error,
) {
	_ = f.Know(ctx) // as for one instance
	lists := make([][]kind.Instance, len(f.members))
	notes := make([][]string, len(f.members))
	errs := make([]error, len(f.members))
	each(f.members, func(n int, m *Member) {
		errs[n] = m.silence.ask(func() (err error) {
			lists[n], notes[n], err = m.Instances(ctx, filter)
			return err
		})
	})
	var silent error
	for n, m := range f.members {
		errs[n] = unlessLost(errs[n])
		if errs[n] != nil && f.Named() {
			errs[n] = &HostError{m.Name, errs[n]}
		}
		if host.Unanswered(errs[n]) {
			silent = errors.Join(silent, errs[n])
		} else {
			err = errors.Join(err, errs[n])
		}
		for _, i := range lists[n] {
			found = append(found, Placed{i, m})
		}
		overlooked = append(overlooked, notes[n]...)
	}
	slices.SortStableFunc(found, func(a, b Placed) int { return strings.Compare(a.Facts.Name, b.Facts.Name) })
	found = f.withoutCopies(ctx, found)
	if err == nil { // otherwise the caller would take it for silence alone
		err = silent
	}
	return found, overlooked, err
}

// withoutCopies leaves out what a move has on the host that does not have the instance, and an instance on a
// host that was lost, if another one has its name since. If the catalog cannot be asked, it leaves out nothing.
func (f *Fleet) withoutCopies(ctx context.Context, all []Placed) []Placed {
	copied := func(p Placed) bool {
		return slices.ContainsFunc(all, func(other Placed) bool {
			return other.On != p.On && (other.UUID == p.UUID && p.Facts.Moving != "" ||
				other.UUID != p.UUID && other.Facts.Name == p.Facts.Name)
		})
	}
	if !slices.ContainsFunc(all, copied) {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(p Placed) bool {
		if !copied(p) {
			return false
		}
		rec, err := f.placements.Get(ctx, catalog.PlacementKey(p.Facts.Tenant, p.Facts.Name))
		return err == nil && supersedes(rec.Value, p.UUID, p.On.Name, p.Facts.Moving)
	})
}

// Placed is an instance, and the member that has it.
type Placed struct {
	kind.Instance
	On *Member
}

// each calls a function for each member, many at once, and waits for all.
func each(members []*Member, do func(n int, m *Member)) {
	var group errgroup.Group
	group.SetLimit(askedAtOnce)
	for n, m := range members {
		group.Go(func() error { do(n, m); return nil })
	}
	_ = group.Wait()
}
