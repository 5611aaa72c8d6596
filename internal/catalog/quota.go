package catalog

import (
	"fmt"
	"iter"
	"math"
)

// Usage is what instances take of a quota.
type Usage struct {
	VCPUs     int64
	MemoryMB  int64 // MiB
	DiskGB    int64 // GiB
	Instances int64
}

// Plus adds what others take. A figure that would overflow stays at the greatest number.
func (u Usage) Plus(other Usage) Usage {
	return Usage{
		VCPUs:     plus(u.VCPUs, other.VCPUs),
		MemoryMB:  plus(u.MemoryMB, other.MemoryMB),
		DiskGB:    plus(u.DiskGB, other.DiskGB),
		Instances: plus(u.Instances, other.Instances),
	}
}

func plus(a, b int64) int64 {
	if b > 0 && a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// Used sums up what a tenant takes of a resource pool.
func Used(placements iter.Seq[Placement], tenant, pool string) Usage {
	var sum Usage
	for p := range placements {
		if p.Tenant == tenant && p.Pool == pool {
			sum = sum.Plus(p.Usage())
		}
	}
	return sum
}

// Quota limits what a tenant may take of a resource pool. A figure that is nil has no limit.
type Quota struct {
	VCPUs     *int64 `json:"vcpus,omitempty"`
	MemoryMB  *int64 `json:"memory_mb,omitempty"`
	DiskGB    *int64 `json:"disk_gb,omitempty"`
	Instances *int64 `json:"instances,omitempty"`
}

// Figure is one of the figures that a Quota limits, by the name of its attribute.
type Figure string

// The figures of a Quota.
const (
	FigureVCPUs     Figure = "vcpus"
	FigureMemory    Figure = "memory_mb"
	FigureDisk      Figure = "disk_gb"
	FigureInstances Figure = "instances"
)

// figures lists the figures in the order in which they are checked. PostgreSQL checks them in the
// same order: see package pgstore.
var figures = []struct {
	figure Figure
	of     func(Usage) int64
	limit  func(Quota) *int64
	unit   string
}{
	{
		FigureVCPUs, func(u Usage) int64 { return u.VCPUs },
		func(q Quota) *int64 { return q.VCPUs }, "vCPUs",
	},
	{
		FigureMemory, func(u Usage) int64 { return u.MemoryMB },
		func(q Quota) *int64 { return q.MemoryMB }, "MiB of memory",
	},
	{
		FigureDisk, func(u Usage) int64 { return u.DiskGB },
		func(q Quota) *int64 { return q.DiskGB }, "GiB of disk",
	},
	{
		FigureInstances, func(u Usage) int64 { return u.Instances },
		func(q Quota) *int64 { return q.Instances }, "instances",
	},
}

// unit returns the unit in which messages give a figure.
func (f Figure) unit() string {
	for _, known := range figures {
		if known.figure == f {
			return known.unit
		}
	}
	return string(f)
}

// QuotaError says that a tenant would be over its quota in a resource pool after a write.
type QuotaError struct {
	Pool   string
	Tenant string
	Figure Figure
	Limit  int64
	Used   int64 // by the tenant before the write
	Asked  int64 // by how much the write adds to that
}

func (e *QuotaError) Error() string {
	left := max(0, e.Limit-e.Used)
	return fmt.Sprintf("%d of %d %s %s left of tenant %q's quota in resource pool %q, and %d %s asked for",
		left, e.Limit, e.Figure.unit(), are(left), e.Tenant, e.Pool, e.Asked, are(e.Asked))
}

func are(n int64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// NoQuotaError says that a tenant may not use a resource pool: it does not exist, or it does not name
// the tenant. The two are not told apart, because a tenant does not learn which pools others have.
type NoQuotaError struct {
	Pool   string
	Tenant string
}

func (e *NoQuotaError) Error() string {
	return fmt.Sprintf("tenant %q has no quota in a resource pool %q: the pool does not exist, or its administrator "+
		"has not given the tenant a quota", e.Tenant, e.Pool)
}

// Admit returns nil if a tenant that takes used of the pool may take adds more, a NoQuotaError if it
// may not use the pool, and a QuotaError otherwise. Only figures that grow are compared, so a tenant
// that is over its quota may still shrink.
func (r ResourcePool) Admit(tenant string, used, adds Usage) error {
	if adds == (Usage{}) {
		return nil
	}
	quota, named := r.Tenants[tenant]
	if !named {
		return &NoQuotaError{Pool: r.Name, Tenant: tenant}
	}
	for _, f := range figures {
		limit, has, asked := f.limit(quota), f.of(used), f.of(adds)
		if asked > 0 && limit != nil && plus(has, asked) > *limit {
			return &QuotaError{r.Name, tenant, f.figure, *limit, has, asked}
		}
	}
	return nil
}

// Excess is a figure of which a tenant takes more than its quota allows.
type Excess struct {
	Figure Figure
	Limit  int64
	Used   int64
}

// String reads like: 30 of 20 vCPUs.
func (e Excess) String() string { return fmt.Sprintf("%d of %d %s", e.Used, e.Limit, e.Figure.unit()) }

// Exceeded lists the figures of which used is more than the quota allows, as after the quota was
// reduced.
func (q Quota) Exceeded(used Usage) []Excess {
	var over []Excess
	for _, f := range figures {
		if limit, has := f.limit(q), f.of(used); limit != nil && has > *limit {
			over = append(over, Excess{f.figure, *limit, has})
		}
	}
	return over
}

// Left returns what the quota allows beyond used: at least 0, and nil for a figure without a limit.
func (q Quota) Left(used Usage) Quota {
	left := func(limit *int64, used int64) *int64 {
		if limit == nil {
			return nil
		}
		return new(max(0, *limit-used))
	}
	return Quota{
		VCPUs:     left(q.VCPUs, used.VCPUs),
		MemoryMB:  left(q.MemoryMB, used.MemoryMB),
		DiskGB:    left(q.DiskGB, used.DiskGB),
		Instances: left(q.Instances, used.Instances),
	}
}

// Only returns the figures of which another usage has some, and 0 for the others.
func (u Usage) Only(of Usage) Usage {
	only := func(n, other int64) int64 {
		if other == 0 {
			return 0
		}
		return n
	}
	return Usage{
		VCPUs:     only(u.VCPUs, of.VCPUs),
		MemoryMB:  only(u.MemoryMB, of.MemoryMB),
		DiskGB:    only(u.DiskGB, of.DiskGB),
		Instances: only(u.Instances, of.Instances),
	}
}
