package provision

import (
	"context"
	"fmt"
	"maps"
	"math"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// Limits say how much of a host its domains may be allotted together. They count every domain of
// the host, running or not, and also those that novacron did not create.
//
// The host decides: a domain's definition claims its room, and it stays only if a look at all domains
// after that shows that they fit. Of two claims that are too many together, the later look shows both.
type Limits struct {
	VCPUs  float64 // vCPUs for each processor of the host; 0 for no limit
	Memory float64 // memory of domains for each byte of the host that is not reserved; 0 for no limit
	// ReservedMemoryMB is how much memory the host keeps for itself, MiB.
	ReservedMemoryMB int64
}

// NoLimit is the capacity of a host whose Limits set none.
const NoLimit = math.MaxInt64

// Demand is what an instance needs of a host.
type Demand struct {
	VCPUs    int64
	MemoryMB int64 // MiB
}

// DemandOf is what an instance of a blueprint needs. What the blueprint's parameters leave open counts
// as the default.
func DemandOf(b kind.Blueprint) Demand {
	m := b.Hardware.Machine()
	return Demand{VCPUs: int64(m.Sockets) * int64(m.Cores), MemoryMB: int64(m.MemoryMiB)}
}

// demandOf is what a domain may take.
func demandOf(a host.Allotment) Demand {
	const mib = 1 << 20
	return Demand{
		VCPUs:    int64(min(a.VCPUs, math.MaxInt32)),
		MemoryMB: int64(a.Memory/mib + min(1, a.Memory%mib)),
	}
}

// Figure is how much of something a host has, and how much of that is allotted.
type Figure struct {
	Has      int64 // for domains, before overcommitment
	Capacity int64 // the most that may be allotted, or NoLimit
	Allotted int64
}

// Free is how much is left to be allotted. It is negative if too much is allotted, such as after the
// limits were lowered.
func (f Figure) Free() int64 { return f.Capacity - f.Allotted }

// figure is a Figure of which nothing is allotted yet.
func figure(has int64, factor float64) Figure {
	f := Figure{Has: max(has, 0), Capacity: NoLimit}
	if factor > 0 {
		f.Capacity = int64(min(float64(f.Has)*factor+1e-6, math.MaxInt64/2)) // 100 × 1.15 is less than 115
	}
	return f
}

// Room is what a host has left for domains. Its methods leave it as it is, so that a plan can reckon
// with what it has not done yet.
type Room struct {
	VCPUs    Figure
	MemoryMB Figure // MiB

	domains map[string]host.Allotment // by UUID
}

// Room looks at what the host has left. It makes the requests of host.Domains.Allotments for each kind
// of instance, and asks for the host's own figures once a process. A host that shows its user only some
// domains, by access rules, has more room for that user than there is.
func (p *Provisioner) Room(ctx context.Context) (Room, error) {
	info, err := p.inventory.Info(ctx)
	if err != nil {
		return Room{}, err
	}
	var limits Limits
	if p.limits != nil {
		limits = *p.limits
	}
	r := Room{
		VCPUs:    figure(int64(info.CPUs), limits.VCPUs),
		MemoryMB: figure(int64(info.MemoryMiB)-limits.ReservedMemoryMB, limits.Memory),
		domains:  map[string]host.Allotment{},
	}
	for _, d := range p.kinds {
		all, err := d.Domains().Allotments(ctx)
		if err != nil {
			return Room{}, err
		}
		for _, a := range all {
			if _, twice := r.domains[a.UUID]; !twice { // by two connections to the same domains
				r.domains[a.UUID] = a
				r = r.With(demandOf(a))
			}
		}
	}
	return r, nil
}

// Crowded is imagestore.Store.Crowded for the pool of the host that has images and disks.
func (p *Provisioner) Crowded() finding.Finding { return p.library.Images.Crowded() }

// With is the room once a demand is met.
func (r Room) With(d Demand) Room {
	r.VCPUs.Allotted += d.VCPUs
	r.MemoryMB.Allotted += d.MemoryMB
	return r
}

// Without is the room once a domain is gone, and what that domain may take now. Both are the same as
// before if there is no such domain.
func (r Room) Without(uuid string) (Room, Demand) {
	a, found := r.domains[uuid]
	if !found {
		return r, Demand{}
	}
	r.domains = maps.Clone(r.domains)
	delete(r.domains, uuid)
	d := demandOf(a)
	return r.With(Demand{VCPUs: -d.VCPUs, MemoryMB: -d.MemoryMB}), d
}

// Besides is the room once the domains are gone that a function picks.
func (r Room) Besides(gone func(host.Allotment) bool) Room {
	for uuid, a := range r.domains { // of which Without makes a copy
		if gone(a) {
			r, _ = r.Without(uuid)
		}
	}
	return r
}

// Named reports whether the host has a domain of a name.
func (r Room) Named(name string) bool {
	for _, a := range r.domains {
		if a.Name == name {
			return true
		}
	}
	return false
}

// Lacks is what the room lacks for a demand; nothing if the demand fits. What a demand does not ask
// for is never short, even if too much of it is allotted.
func (r Room) Lacks(d Demand) Shortages {
	var short Shortages
	for _, s := range []Shortage{{VCPUs, d.VCPUs, r.VCPUs}, {Memory, d.MemoryMB, r.MemoryMB}} {
		if s.Needed > 0 && s.Needed > s.Free() {
			short = append(short, s)
		}
	}
	return short
}

// Resource is what a host can be short of.
type Resource string

// The resources.
const (
	VCPUs  Resource = "vCPUs"
	Memory Resource = "memory"
)

// Shortage is one thing that a host does not have enough of.
type Shortage struct {
	Of     Resource
	Needed int64 // in the unit of the Figure
	Figure
}

// String reads like: 2048 MiB of memory short (7168 of 8192 MiB are taken).
func (s Shortage) String() string {
	short := s.Needed - s.Free()
	switch {
	case s.Of == Memory:
		return fmt.Sprintf("%d MiB of memory short (%d of %d MiB are taken)", short, s.Allotted, s.Capacity)
	case short == 1:
		return fmt.Sprintf("1 vCPU short (%d of %d are taken)", s.Allotted, s.Capacity)
	default:
		return fmt.Sprintf("%d vCPUs short (%d of %d are taken)", short, s.Allotted, s.Capacity)
	}
}

// Shortages are all things that a host does not have enough of.
type Shortages []Shortage

// String lists the shortages.
func (s Shortages) String() string {
	texts := make([]string, len(s))
	for i, one := range s {
		texts[i] = one.String()
	}
	return strings.Join(texts, ", ")
}
