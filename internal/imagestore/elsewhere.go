package imagestore

import (
	"cmp"
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/sharing"
)

// A catalog may have images in the pools of several hosts. The documents of images are facts about
// a pool, so each pool has its own. All but the one that a catalog in a pool is in list the catalog's
// versions with its id: see package sharing.

// Elsewhere are the documents of a catalog, with those of the images in the pool of another host.
// tenant is who uses the catalog. pool are the documents that the pool has of images; its own catalog,
// if it has one, is another.
func Elsewhere(home Catalog, tenant string, pool interface {
	Bases() catalog.Collection[catalog.Base]
	Snapshots() catalog.Collection[catalog.Snapshot]
},
) Documents {
	as := sharing.Catalog{ID: home.ID, Tenant: tenant}
	return remote{Catalog: home, bases: as.Bases(pool.Bases()), snapshots: as.Snapshots(pool.Snapshots())}
}

// remote implements Documents.
type remote struct {
	Catalog
	bases     catalog.Collection[catalog.Base]
	snapshots catalog.Collection[catalog.Snapshot]
}

// Bases implements Documents.
func (r remote) Bases() catalog.Collection[catalog.Base] { return r.bases }

// Snapshots implements Documents.
func (r remote) Snapshots() catalog.Collection[catalog.Snapshot] { return r.snapshots }

// inPool reports whether a catalog is in a pool: others say what they are.
func inPool(c Catalog) bool {
	_, named := c.(interface{ Kind() string })
	return !named
}

// markOf is what marks the instances in the pool that are of the documents' catalog: its id, if the
// catalog is in the pool of another host. Instances of catalogs in databases have no mark; they did
// not need one while a catalog had a single host.
func markOf(d Documents) func(ctx context.Context) (string, error) {
	if r, is := d.(remote); is && inPool(r.Catalog) {
		return r.ID
	}
	return nil
}

// Mark is what marks instances of the pool as the catalog's; "" for no mark.
func (st *Store) Mark(ctx context.Context) (string, error) {
	if st.usage.Mark == nil {
		return "", nil
	}
	return st.usage.Mark(ctx)
}

// Site names the host as its users do, or by its URI.
func (st *Store) Site() string { return cmp.Or(st.site, st.host.URI()) }

// HostName is the host's name among the provider's hosts; "" if it has none.
func (st *Store) HostName() string { return st.site }
