package catalog

import (
	"fmt"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/lease"
)

// PlacementState is how far the placement of an instance has come.
type PlacementState string

const (
	// PlacementReserved means that a process creates the instance on the placement's host.
	PlacementReserved PlacementState = "reserved"
	// PlacementPlaced means that the instance is on the placement's host.
	PlacementPlaced PlacementState = "placed"
	// PlacementMoving means that a process moves the instance between the hosts From and To.
	PlacementMoving PlacementState = "moving"
	// PlacementLeaving means that a process removes the instance.
	PlacementLeaving PlacementState = "leaving"
)

// Placement says on which host of a catalog an instance is, and what it takes of its tenant's quota.
// It is also the claim to the instance's name on all of these hosts: a domain's name is a claim to
// the name on one host. It is created before anything of the instance exists, and deleted last. Its
// key is Placement.Key.
type Placement struct {
	Tenant string `json:"tenant"`
	Name   string `json:"name"`           // of the instance
	UUID   string `json:"uuid,omitempty"` // of the instance's domain; "" until that is defined
	Host   string `json:"host"`           // its key among the provider's hosts
	// From and To are the hosts that it moves between, in the state moving. Host is From until everything is
	// on To, and To from then on. What is on the other one of them is to be removed.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Live means that it moves while its guest runs. Then the guest itself may be on To before Host is: the
	// two hosts say where it is.
	Live bool `json:"live,omitempty"`
	// Pool is the resource pool whose quota the instance counts against; "" for none.
	Pool     string `json:"pool,omitempty"`
	VCPUs    int64  `json:"vcpus"`
	MemoryMB int64  `json:"memory_mb"`
	DiskGB   int64  `json:"disk_gb"`
	// Group is the group of instances of the tenant that are kept apart; "" for none. Apart says by what: see
	// ApartByHost.
	Group string `json:"group,omitempty"`
	Apart string `json:"apart,omitempty"`
	// Strict says that no two strict instances of the group may have the same value. Value is the one that this
	// instance claims, of its host, and ToValue that of To while the instance moves. Value is "" if the instance is
	// not strict. It is also "" if other means have brought the instance to where it may not be: then it claims
	// nothing there.
	Strict   bool           `json:"strict,omitempty"`
	Value    string         `json:"value,omitempty"`
	ToValue  string         `json:"to_value,omitempty"`
	State    PlacementState `json:"state"`
	Runner   string         `json:"runner,omitempty"` // process that works on it, as package lease names it
	Since    time.Time      `json:"since,omitzero"`   // when that work began
	Deadline time.Time      `json:"deadline,omitzero"`
}

// PlacementKey is the key of the placement of a tenant's instance.
func PlacementKey(tenant, name string) string { return tenant + "/" + name }

// Key is the key of the placement.
func (p Placement) Key() string { return PlacementKey(p.Tenant, p.Name) }

// Lease is the lease on the work on the instance, by the catalog's clock.
func (p Placement) Lease() lease.Lease {
	return lease.Lease{Holder: p.Runner, Since: p.Since, Deadline: p.Deadline}
}

// Hold records that work on the instance is under that lease; the zero Lease records that there is none.
func (p *Placement) Hold(l lease.Lease) {
	p.Runner, p.Since, p.Deadline = l.Holder, l.Since, l.Deadline
}

// Abandoned reports whether work on the instance began that no process will finish. The instance may
// be on the host, in part or as a whole, or on none. now is the time by the catalog's clock.
func (p Placement) Abandoned(now time.Time) bool {
	return p.State != PlacementPlaced && p.Lease().Ended(now)
}

// Usage returns what the instance takes of its tenant's quota.
func (p Placement) Usage() Usage {
	return Usage{VCPUs: p.VCPUs, MemoryMB: p.MemoryMB, DiskGB: p.DiskGB, Instances: 1}
}

// Adds returns by how much the placement adds to what its tenant takes of its resource pool, if it
// replaces another one; the zero Placement if it replaces none. A figure that shrinks adds 0.
func (p Placement) Adds(was Placement) Usage {
	all := p.Usage()
	if p.Pool == "" {
		return Usage{}
	}
	if was.Name == "" || was.Pool != p.Pool {
		return all
	}
	before := was.Usage()
	return Usage{
		VCPUs:     max(0, all.VCPUs-before.VCPUs),
		MemoryMB:  max(0, all.MemoryMB-before.MemoryMB),
		DiskGB:    max(0, all.DiskGB-before.DiskGB),
		Instances: all.Instances - before.Instances,
	}
}

// Check returns an error if the placement takes less than nothing, which would add to the quota, or if it
// cannot be in its group.
func (p Placement) Check() error {
	if p.VCPUs < 0 || p.MemoryMB < 0 || p.DiskGB < 0 {
		return fmt.Errorf("the placement of %q takes %d vCPUs, %d MiB of memory and %d GiB of disk, and none of "+
			"these may be below 0", p.Key(), p.VCPUs, p.MemoryMB, p.DiskGB)
	}
	return p.checkGroup()
}
