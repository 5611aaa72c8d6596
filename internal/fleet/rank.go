package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// NoRoomError says that no host takes an instance now, with a reason for each host.
type NoRoomError struct {
	Instance string
	Refused  []Refusal
	more     string // a sentence that follows the reasons; "" for none
}

func (e *NoRoomError) Error() string { return e.finding().Error() }

// As lets errors.As find the finding.List that the error is: it belongs to an attribute.
func (e *NoRoomError) As(target any) bool {
	list, ok := target.(*finding.List)
	if ok {
		*list = finding.List{e.finding()}
	}
	return ok
}

func (e *NoRoomError) finding() finding.Finding {
	return finding.Finding{Path: finding.At("placement"), Summary: "No host takes the instance", Detail: fmt.Sprintf(
		"Instance %q can be on none of the provider's hosts:%s%s", e.Instance, lines(e.Refused), e.more)}
}

// candidate is a member that may take an instance.
type candidate struct {
	*Member
	room  provision.Room // besides what makes way
	asked int            // see pending.now
	named bool           // it has a domain of the instance's name
	crowd int            // see Fleet.crowd
}

// look asks a member for its room.
type look func(m *Member, ctx context.Context) (provision.Room, error)

// offers are what hosts say of an instance that is to be created.
type offers struct {
	fit     []candidate // that may take it and have room for it
	refused []Refusal   // why the others do not
	named   []*Member   // that have a domain of its name
}

// candidates asks all allowed hosts at once whether they take an instance, for their room by a look. A create
// does not wait for slow hosts if another one takes the instance. A plan does: it also sums up what all have.
// Domains that gone picks do not count, nor does one of the instance's own name: it makes way, or it is in
// the way whatever room there is. gone is nil in a create, for none.
func (f *Fleet) candidates(
	ctx context.Context, name string, b kind.Blueprint, w Where, room look, gone func(host.Allotment) bool,
) (offers, error) {
	allowed, refused := f.open(w)
	found, err := f.ask(ctx, allowed, name, b, room, gone)
	found.refused = append(refused, found.refused...)
	return found, err
}

// open returns the members that may take an instance, and why the others do not.
func (f *Fleet) open(w Where) (allowed []*Member, refused []Refusal) {
	allowed, refused = f.takers(w)
	allowed, held := f.vacant(w, allowed)
	return allowed, append(refused, held...)
}

// ask is candidates for these members.
func (f *Fleet) ask(
	ctx context.Context, allowed []*Member, name string, b kind.Blueprint, room look, gone func(host.Allotment) bool,
) (offers, error) {
	own := naming.Domain(f.library.Tenant(), name)
	answers := gather(ctx, allowed, func(ctx context.Context, m *Member) (a looked) {
		a.Member, a.asked = m, m.pending.now()
		a.reason, a.err = a.look(ctx, name, b, func(m *Member, ctx context.Context) (provision.Room, error) {
			whole, err := room(m, ctx)
			a.named = whole.Named(own)
			return whole.Besides(func(a host.Allotment) bool { return a.Name == own || gone != nil && gone(a) }), err
		})
		return a
	}, func(a looked) bool { return gone == nil && a.err == nil && a.reason == "" })
	if err := context.Cause(ctx); err != nil {
		return offers{}, err
	}
	var found offers
	for n, a := range answers {
		switch {
		case a == nil:
			found.refused = append(found.refused, Refusal{allowed[n].Name, "it has not answered yet"})
			continue
		case a.err != nil && host.Unanswered(a.err):
			found.refused = append(found.refused, Refusal{a.Name, "it does not answer: " + a.err.Error()})
		case a.err != nil:
			found.refused = append(found.refused, Refusal{a.Name, "it cannot be asked: " + a.err.Error()})
		case a.reason != "":
			found.refused = append(found.refused, Refusal{a.Name, a.reason})
		default:
			found.fit = append(found.fit, a.candidate)
		}
		if a.named {
			found.named = append(found.named, a.Member)
		}
	}
	return found, nil
}

// looked is what a look at a host has found.
type looked struct {
	candidate
	reason string // why it does not take the instance; "" if it does
	err    error
}

// look finds out whether the host has what a blueprint needs. It returns why not; "" if it has.
func (c *candidate) look(ctx context.Context, name string, b kind.Blueprint, room look) (string, error) {
	var lacking finding.List
	err := c.silence.ask(func() (err error) {
		if lacking, err = c.CheckHost(ctx, name, b); err == nil && len(lacking) == 0 {
			c.room, err = room(c.Member, ctx)
		}
		return err
	})
	if list, ok := errors.AsType[finding.List](err); ok {
		lacking, err = list, nil
	}
	if err != nil || len(lacking) > 0 {
		return sentences(lacking), err
	}
	if short := c.room.Lacks(provision.DemandOf(b)); len(short) > 0 {
		return short.String(), nil
	}
	return "", nil
}

// sentences joins what findings say.
func sentences(fs finding.List) string {
	texts := make([]string, len(fs))
	for i, f := range fs {
		texts[i] = f.Path.String() + ": " + f.Detail
	}
	return strings.Join(texts, " ")
}

// choose orders candidates by a policy, and reserves the first for an instance until taken is called. It
// counts what other creates of this process are about to define, so that they do not all choose the same
// host. That only decides the order: whether an instance fits is decided once it is defined.
func (f *Fleet) choose(all []candidate, name string, d provision.Demand, w Where) (taken func()) {
	f.choosing.Lock()
	defer f.choosing.Unlock()
	for n, c := range all {
		all[n].room = c.room.With(c.pending.missing(c.room, c.asked))
		all[n].crowd = f.crowd(name, w, c.Member)
	}
	rank(all, d, w.policy())
	f.chose(name, w, all[0].Member)
	return f.promise(all[0].Member, name, d)
}

// promise reserves a member for an instance until taken is called.
func (f *Fleet) promise(m *Member, name string, d provision.Demand) (taken func()) {
	return m.pending.add(naming.Domain(f.library.Tenant(), name), d)
}

// rank orders candidates: those with the fewest instances of the group come first, and among these a policy
// decides. Those that are alike stay ordered by name.
func rank(all []candidate, d provision.Demand, policy catalog.PlacementPolicy) {
	slices.SortStableFunc(all, func(a, b candidate) int {
		order := cmp.Compare(load(a.room.With(d)), load(b.room.With(d)))
		if policy == catalog.Pack {
			order = -order
		}
		return cmp.Or(cmp.Compare(a.crowd, b.crowd), order)
	})
}

// load is how much of a host is allotted: the larger of the shares of its memory and its vCPUs. A host
// without a limit counts by what it has.
func load(r provision.Room) float64 { return max(share(r.MemoryMB), share(r.VCPUs)) }

func share(f provision.Figure) float64 {
	most := f.Capacity
	if most == provision.NoLimit {
		most = f.Has
	}
	return float64(f.Allotted) / float64(max(most, 1))
}
