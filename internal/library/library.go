// Package library is the content library of one or more hosts: templates, their versions, and the
// base images that the versions share, kept in a storage pool of each host. It turns registration into
// documents and stored images, copies images to the hosts that need them, and removes unused images.
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
	Images *imagestore.Store // of the pool that also has the disks of instances, and gets what is registered
	// Others are those of the pools of other hosts, to which images are copied when instances there need
	// them; see imagestore.Elsewhere. Library.At is the library for such a host.
	Others []*imagestore.Store
	Store  catalog.Store // the catalog, in the same pool or elsewhere
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

	*process
}

// process is what the libraries of all hosts share of what this process has done.
type process struct {
	swept     sync.Once
	collected sync.Map // stores of other hosts

	newTemplates lease.Unconfirmed[catalog.TemplateID]
	newVersions  lease.Unconfirmed[catalog.VersionID]
}

// reader is the read-only part of the library.
type reader struct {
	// Images are those of the host that the library is for.
	Images *imagestore.Store
	// home are those of the host that gets what is registered. Where the catalog is in a pool, it is in
	// this one's.
	home   *imagestore.Store
	others []*imagestore.Store

	store  catalog.Store
	me     catalog.Principal
	usable *coalesce.Answers[catalog.VersionID, usable]
	hosts  *coalesce.Answer[map[string]catalog.Host] // see Hosts
}

// New returns a library. It connects to nothing until the library is used.
func New(o Options) *Library {
	removals := planning.NewRemovals(planning.Grace)
	me := catalog.Principal{Tenant: o.Images.Tenant(), User: o.User, Groups: o.Groups}
	l := &Library{
		reader: &reader{
			Images: o.Images,
			home:   o.Images,
			others: o.Others,
			store:  o.Store,
			me:     me,
			usable: coalesce.NewAnswers[catalog.VersionID, usable](usableAge),
			hosts:  &coalesce.Answer[map[string]catalog.Host]{Age: hostsAge},
		},
		Plan:     planning.New(removals),
		Removals: removals,
		Requests: requests.New(o.Store, me, o.Retention, o.Images.Open),
		process:  &process{},
	}
	imagestore.Introduce(append([]*imagestore.Store{o.Images}, o.Others...), l.lost)
	return l
}

// At is the same library for another host, with the images of its pool: one of the stores of Options.
// It shares everything else with this one.
func (l *Library) At(images *imagestore.Store) *Library {
	at := *l.reader
	at.Images = images
	return &Library{reader: &at, Requests: l.Requests, Plan: l.Plan, Removals: l.Removals, process: l.process}
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

// Pool is the name of the pool of the library's host.
func (l *Library) Pool() string { return l.Images.Pool().Name() }
