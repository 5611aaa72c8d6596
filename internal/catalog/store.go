package catalog

import (
	"context"
	"time"
)

// Revision names one write of one document, and never another write, past or future. Only the store
// that created it can read it; "" is not a revision.
type Revision string

// Record is a document as it was read: pass its revision back to change exactly what was read.
type Record[T any] struct {
	Key      string
	Revision Revision
	Value    T
}

// Collection keeps documents of one kind by key. All changes are compare-and-swap. A change is not
// interrupted once it has begun: if the context ends during it, the next call notices.
type Collection[T any] interface {
	// Get reads the newest complete revision, or returns ErrNotFound.
	Get(ctx context.Context, key string) (Record[T], error)
	// List reads all documents whose key starts with the prefix, ordered by key. They may share
	// what their values point to: a caller that changes one in place has to copy it first.
	List(ctx context.Context, prefix string) ([]Record[T], error)
	// Create writes the first revision, or returns ErrExists.
	Create(ctx context.Context, key string, value T) (Record[T], error)
	// Replace writes the next revision after rev. It returns ErrConflict if rev is no longer the
	// newest, or ErrNotFound.
	Replace(ctx context.Context, key string, rev Revision, value T) (Record[T], error)
	// Delete removes the document. It returns ErrConflict if rev is no longer the newest, or
	// ErrNotFound.
	Delete(ctx context.Context, key string, rev Revision) error
}

// Store keeps a catalog. Keys are TemplateID.String, VersionID.String, RequestID.String,
// Placement.Key and the names of resource pools and hosts. Images are not in it: they belong to a storage
// pool.
type Store interface {
	// Now is the time of day, in UTC, by the clock of the catalog's storage, or a little earlier.
	// Times that one process writes and another judges are by this clock: the processes' own clocks
	// may differ by any amount.
	Now(ctx context.Context) (time.Time, error)
	Templates() Collection[Template]
	Versions() Collection[Version]
	Requests() Collection[ProvisioningRequest]
	// Placements keeps the quotas of resource pools. Create and Replace return a QuotaError if the
	// placement's tenant would be over its quota in the placement's pool afterwards, and a
	// NoQuotaError if it may not use the pool. They judge by what is there at the moment of the write,
	// so processes that write at the same time never exceed a quota together. A write that adds
	// nothing to what the tenant takes of the pool is not refused, nor is a delete.
	//
	// Placements also keeps strict groups apart: Create and Replace return a GroupError if another
	// placement of the tenant has a value that the write claims (Placement.Claims). They judge as for
	// quotas, so no two placements ever claim the same.
	Placements() Collection[Placement]
	// ResourcePools are the administrator's. A Store that keeps tenants apart refuses writes of a
	// tenant, and shows a tenant the pools in which it has a quota, with that quota alone. Placements
	// stay when the quota of their tenant shrinks, or when their pool is deleted.
	ResourcePools() Collection[ResourcePool]
	// Hosts are what the administrator says of the provider's hosts. Every tenant may read them. A Store
	// that keeps tenants apart refuses writes of a tenant.
	Hosts() Collection[Host]
}

// headLister is a store that can leave out what a search does not look at.
type headLister interface {
	TemplateHeads(ctx context.Context, prefix string) ([]Record[Template], error)
}

// TemplateHeads lists templates for a search. It leaves out their specs if the store can do so,
// which takes a fraction of the time of listing everything.
func TemplateHeads(ctx context.Context, s Store, prefix string) ([]Record[Template], error) {
	if h, can := s.(headLister); can {
		return h.TemplateHeads(ctx, prefix)
	}
	return s.Templates().List(ctx, prefix)
}

// grouper is a store that writes some requests together at the cost of one.
type grouper interface {
	RequestGroup(key string) string
}

// RequestGroup names the group of requests that a store writes together if they end together; "" for
// all requests if it makes no difference.
func RequestGroup(s Store, key string) string {
	if g, can := s.(grouper); can {
		return g.RequestGroup(key)
	}
	return ""
}
