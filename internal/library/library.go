// Package library is the content library of a host: templates, their versions, and the base images
// that the versions share, kept in a storage pool. It turns registration into documents and stored
// images, and removes unused images.
package library

import (
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/coalesce"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/library/requests"
)

// Options say where the library is and who uses it. The user belongs to the tenant of Images.
type Options struct {
	Images *imagestore.Store // of the pool that also has the disks of instances
	Store  catalog.Store     // the catalog, in the same pool or elsewhere
	User   string
	Groups []string // of the user
	// Retention says which of the tenant's requests are kept.
	Retention catalog.Retention
}

// Library is the library as one user of one tenant sees it.
type Library struct {
	*reader

	Requests *requests.Log
	Plan     *planning.Session
	Removals *planning.Removals

	swept sync.Once

	newTemplates lease.Unconfirmed[catalog.TemplateID]
	newVersions  lease.Unconfirmed[catalog.VersionID]
}

// reader is the read-only part of the library.
type reader struct {
	Images *imagestore.Store

	store  catalog.Store
	me     catalog.Principal
	usable *coalesce.Answers[catalog.VersionID, usable]
}

// New returns a library. It connects to nothing until the library is used.
func New(o Options) *Library {
	removals := planning.NewRemovals(planning.Grace)
	me := catalog.Principal{Tenant: o.Images.Tenant(), User: o.User, Groups: o.Groups}
	return &Library{
		reader: &reader{o.Images, o.Store, me, coalesce.NewAnswers[catalog.VersionID, usable](usableAge)},
		Plan:   planning.New(removals), Removals: removals,
		Requests: requests.New(o.Store, me, o.Retention, o.Images.Open),
	}
}

// forget makes this process read a template and its versions again, because it has changed them.
func (l *Library) forget(id catalog.TemplateID) {
	l.Plan.Forget(id)
	l.usable.Forget()
}

// Tenant is the tenant whose names are meant if none is given.
func (r *reader) Tenant() string { return r.me.Tenant }

// User is the user of the library.
func (r *reader) User() string { return r.me.User }

// Pool is the name of the library's pool.
func (l *Library) Pool() string { return l.Images.Pool().Name() }
