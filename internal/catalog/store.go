package catalog

import (
	"context"
	"time"
)

// Revision names one write of one document, and no other write that ever was or will be. Only the store that gave it
// can read it; "" is no revision.
type Revision string

// Record is a document as it was read: pass its revision back to change exactly what was read.
type Record[T any] struct {
	Key      string
	Revision Revision
	Value    T
}

// Collection keeps documents of one kind by key. All changes are compare-and-swap. A change is not cut short once it
// has begun: a context that ends then is noticed by the next call.
type Collection[T any] interface {
	// Get reads the newest complete revision; ErrNotFound.
	Get(ctx context.Context, key string) (Record[T], error)
	// List reads all documents whose key starts with the prefix, ordered by key. They may share what their values point
	// to: who changes one in place copies it first.
	List(ctx context.Context, prefix string) ([]Record[T], error)
	// Create writes the first revision; ErrExists.
	Create(ctx context.Context, key string, value T) (Record[T], error)
	// Replace writes the next revision after rev; ErrConflict when rev is no longer the newest, ErrNotFound.
	Replace(ctx context.Context, key string, rev Revision, value T) (Record[T], error)
	// Delete removes the document; ErrConflict when rev is no longer the newest, ErrNotFound.
	Delete(ctx context.Context, key string, rev Revision) error
}

// Store keeps a catalog. Keys are TemplateID.String, VersionID.String and RequestID.String. Images are not in it: they are facts
// of a pool.
type Store interface {
	// Now is the time of day, in UTC, by the clock of what keeps the catalog, or a little earlier. Times that one process
	// writes and another one judges by are this clock's: the processes' own may differ by anything.
	Now(ctx context.Context) (time.Time, error)
	Templates() Collection[Template]
	Versions() Collection[Version]
	Requests() Collection[ProvisioningRequest]
}

// headLister is a store that can leave out what a search does not look at.
type headLister interface {
	TemplateHeads(ctx context.Context, prefix string) ([]Record[Template], error)
}

// TemplateHeads lists templates for a search: without their specs, where the store can leave those out, which takes a
// fraction of the time of listing all.
func TemplateHeads(ctx context.Context, s Store, prefix string) ([]Record[Template], error) {
	if h, can := s.(headLister); can {
		return h.TemplateHeads(ctx, prefix)
	}
	return s.Templates().List(ctx, prefix)
}
