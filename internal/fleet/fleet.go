// Package fleet is the hosts of one configuration as one place for instances. It chooses the host of
// a new instance, and finds the host of an instance that exists. What happens on a host is the work
// of the host's Provisioner.
//
// Two ledgers keep claims exact, each where the truth is. The catalog has a placement for each
// instance: it claims the instance's name on all hosts. The host has the domain: it claims room on
// the host, so a create defines the domain, looks whether everything that is defined there fits, and
// tries another host if it does not.
//
// A configuration that names no hosts has one member without a name. Nothing is placed there, and the
// fleet only passes on what it is asked.
package fleet

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/coalesce"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/provision"
)

// Member is a host of the fleet.
type Member struct {
	*provision.Provisioner
	Name   string            // its key among the provider's hosts; "" in a configuration that names none
	Labels map[string]string // what placements ask for
	Peer   host.Peer         // how other hosts reach it, for live moves; the zero value if they do not

	state   atomic.Pointer[catalog.Host] // nil while it is not known; see State
	before  atomic.Pointer[catalog.Host] // as it was before this process changed it; nil if it did not
	silence silence
	pending pending
	looks   coalesce.Calls[provision.Room]  // of creates, each of which needs a look that begins after it asked
	planned coalesce.Answer[provision.Room] // of the running plan
	seen    atomic.Pointer[glance]          // what the last look of a create has shown; nil before the first
}

// roomAge is how long a plan uses what it has read of a host's room, of a resource pool or of the
// placements before it reads that again. It is long enough for a plan of many instances to ask each host
// once.
const roomAge = 10 * time.Second

// now is the host's room as it is now.
func (m *Member) now(ctx context.Context) (provision.Room, error) {
	return m.looks.Do(ctx, func() (provision.Room, error) {
		g := &glance{asked: m.pending.now(), at: time.Now()}
		var err error
		if g.room, err = m.Room(ctx); err == nil {
			m.seen.Store(g)
		}
		return g.room, err
	})
}

// lately is the host's room up to roomAge ago.
func (m *Member) lately(ctx context.Context) (provision.Room, error) {
	return m.planned.Get(ctx, func() (provision.Room, error) { return m.Room(ctx) })
}

// Fleet is the hosts of one configuration.
type Fleet struct {
	members    []*Member // by name
	home       *Member
	placements catalog.Collection[catalog.Placement]
	clock      func(ctx context.Context) (time.Time, error)
	library    *library.Library
	plan       ledger
	quotas     quotas
	swept      sync.Once
	sweeping   chan struct{}     // is closed once the sweep has ended
	known      atomic.Bool       // the states of the hosts were read
	choosing   sync.Mutex        // held while a create chooses its host
	chosen     map[string]chosen // by the names of instances of groups, while choosing is held

	knocking sync.Mutex
	knocked  time.Time // when all members were asked last whether they answer
}

// Options say which hosts a fleet has.
type Options struct {
	Members []*Member
	Home    string // the member whose pool has what is registered
	Library *library.Library
	// Placements, Clock and Pools are the catalog's. They are not used in a fleet whose only member has
	// no name.
	Placements catalog.Collection[catalog.Placement]
	Clock      func(ctx context.Context) (time.Time, error)
	Pools      catalog.Collection[catalog.ResourcePool] // as the tenant sees them
}

// New returns a fleet. Home has to be the name of a member.
func New(o Options) *Fleet {
	f := &Fleet{
		members: slices.Clone(o.Members), placements: o.Placements, clock: o.Clock, library: o.Library,
		chosen: map[string]chosen{},
	}
	for _, m := range f.members {
		m.planned.Age = roomAge
		m.silence.answers, m.silence.waiting = m.Answers, f.knock
		m.Introduce(func(name string) (*provision.Provisioner, bool) {
			other, known := f.Member(name)
			if !known || other == m || other.lost() {
				return nil, false
			}
			return other.Provisioner, true
		})
	}
	f.quotas.source, f.quotas.placed.Age = o.Pools, roomAge
	f.quotas.read = coalesce.NewAnswers[string, catalog.ResourcePool](roomAge)
	slices.SortFunc(f.members, func(a, b *Member) int { return strings.Compare(a.Name, b.Name) })
	f.home, _ = f.Member(o.Home)
	return f
}

// Named reports whether the configuration names its hosts, so that instances are placed.
func (f *Fleet) Named() bool { return f.home.Name != "" }

// Home is the member whose pool has what is registered.
func (f *Fleet) Home() *Member { return f.home }

// Members are all members, by name.
func (f *Fleet) Members() []*Member { return slices.Clone(f.members) }

// Member is the member of a name.
func (f *Fleet) Member(name string) (m *Member, ok bool) {
	n := slices.IndexFunc(f.members, func(m *Member) bool { return m.Name == name })
	if n < 0 {
		return nil, false
	}
	return f.members[n], true
}

// Names are the names of all members.
func (f *Fleet) Names() []string { return names(f.members) }

func names(members []*Member) []string {
	all := make([]string, len(members))
	for i, m := range members {
		all[i] = m.Name
	}
	return all
}

// Labels are labels of hosts as messages show them: "disk=ssd, zone=a", or "none".
func Labels(labels map[string]string) string {
	if len(labels) == 0 {
		return "none"
	}
	var all []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		all = append(all, key+"="+labels[key])
	}
	return strings.Join(all, ", ")
}
