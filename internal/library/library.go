// Package library is the content library of a host: templates, their versions, and the base images that the versions
// share, kept in a storage pool. It turns registration into documents and stored images, and removes what nobody uses.
package library

import (
	"sync"
	"sync/atomic"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
)

// Options say where the library is and who uses it.
type Options struct {
	Images *imagestore.Store // of the pool that also has the disks of instances
	Store  catalog.Store     // the catalog, in the same pool or elsewhere
	Me     catalog.Principal
	// Retention says which of the tenant's requests are kept.
	Retention catalog.Retention
}

// Library is the library as one user of one tenant sees it.
type Library struct {
	Plan     *planning.Session
	Removals *planning.Removals

	store catalog.Store
	me    catalog.Principal

	Images *imagestore.Store

	swept sync.Once

	unconfirmed unconfirmed

	retention catalog.Retention
	ended     atomic.Int64 // requests that this process has written the end of
}

// New makes a library. Nothing is connected before it is used.
func New(o Options) *Library {
	removals := planning.NewRemovals(planning.Grace)
	return &Library{
		store: o.Store, me: o.Me, Images: o.Images,
		Plan: planning.New(removals), Removals: removals, retention: o.Retention,
	}
}

// Tenant is whose names are used where none is given.
func (l *Library) Tenant() string { return l.me.Tenant }

// User is who uses the library.
func (l *Library) User() string { return l.me.User }

// Pool is the name of the library's pool.
func (l *Library) Pool() string { return l.Images.Name() }
