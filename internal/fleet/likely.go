package fleet

import (
	"context"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// A host decides whether an instance fits once the instance is defined there. What hosts say before only decides in
// which order they are tried. So a process that has just looked at all of many hosts asks those again that looked best
// then, and the others only if none of these takes the instance.

// askedFirst is how many hosts a create asks that has looked at all of them lately.
const askedFirst = 16

// glance is what a look at a host has shown.
type glance struct {
	room  provision.Room
	asked int // see pending.now
	at    time.Time
}

// allCandidates are the candidates for a create, of all hosts.
func (f *Fleet) allCandidates(ctx context.Context, name string, b kind.Blueprint, w Where) (offers, error) {
	return f.candidates(ctx, name, b, w, (*Member).now, nil)
}

// fewCandidates are candidates for a create, of the hosts that are likely to be the best. If none of them takes the
// instance, it is allCandidates. Where a group keeps instances apart, that decides first, and all hosts are asked.
func (f *Fleet) fewCandidates(ctx context.Context, name string, b kind.Blueprint, w Where) (offers, error) {
	if w.Group != "" {
		return f.allCandidates(ctx, name, b, w)
	}
	allowed, refused := f.open(w)
	own := naming.Domain(f.library.Tenant(), name)
	first, rest := likely(allowed, own, provision.DemandOf(b), w)
	found, err := f.ask(ctx, first, name, b, (*Member).now, nil)
	if err == nil && len(found.fit) == 0 && len(rest) > 0 {
		var more offers
		more, err = f.ask(ctx, rest, name, b, (*Member).now, nil)
		found.fit, found.named = more.fit, append(found.named, more.named...)
		found.refused = append(found.refused, more.refused...)
		rest = nil
	}
	for _, m := range rest {
		if m.seen.Load().room.Named(own) {
			found.named = append(found.named, m)
		}
	}
	found.refused = append(refused, found.refused...)
	return found, err
}

// likely sorts members into those that a create asks first and the rest: the best by what they have shown lately, and
// all that have shown nothing. own is the name of the instance's domain.
func likely(all []*Member, own string, d provision.Demand, w Where) (first, rest []*Member) {
	var known []candidate
	for _, m := range all {
		seen := m.seen.Load()
		if seen == nil || time.Since(seen.at) > roomAge {
			first = append(first, m)
			continue
		}
		room := seen.room.Besides(func(a host.Allotment) bool { return a.Name == own })
		room = room.With(m.pending.missing(seen.room, seen.asked))
		if len(room.Lacks(d)) > 0 {
			rest = append(rest, m)
			continue
		}
		known = append(known, candidate{Member: m, room: room})
	}
	rank(known, d, w.policy())
	for n, c := range known {
		if n < askedFirst {
			first = append(first, c.Member)
		} else {
			rest = append(rest, c.Member)
		}
	}
	return first, rest
}
