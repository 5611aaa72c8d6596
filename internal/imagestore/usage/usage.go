// Package usage finds what uses the images of a pool: instances, by the metadata of their domains,
// and all volumes that stand on an image. It counts what belongs to other tenants, and does not
// name it.
package usage

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/coalesce"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Options say of which pool the images are.
type Options struct {
	Host   host.Host
	Pool   string
	Tenant string // whose names may be disclosed
	// Site is what users call the host, if the catalog has images on several; messages then say where
	// an instance is.
	Site string
	// Mark returns the id of the catalog, which the metadata of its instances have if the pool may have
	// a catalog of its own with templates of the same names. It is nil if instances without a mark are
	// this catalog's.
	Mark func(ctx context.Context) (string, error)
	// Besides returns the usages of the other hosts that share the pool, or an error if that cannot be found out.
	// It is nil if there are no other hosts.
	Besides func(ctx context.Context) ([]*Usage, error)
}

// Usage looks for users of images.
type Usage struct {
	Options
	looks coalesce.Calls[look]
}

// look is what a look at the domains of the host has shown.
type look struct {
	domains     []host.Domain
	undescribed []host.Undescribed
}

// Domains returns the domains of all drivers of the host, which takes a request for each domain. If the host
// cannot say which containers it has, and may have some, it returns the error of their driver. Callers that ask
// at the same time share a look; each gets one that began after it had asked. They must not change what they get.
func (use *Usage) Domains(ctx context.Context) ([]host.Domain, []host.Undescribed, error) {
	seen, err := use.looks.Do(ctx, func() (l look, err error) {
		l.domains, l.undescribed, err = use.allDomains(ctx)
		return l, err
	})
	return seen.domains, seen.undescribed, err
}

// New looks for users of the images of a pool. It does not name things that are named like another
// tenant's.
func New(o Options) *Usage { return &Usage{Options: o} }

// On adds to the name of something where that is, if there are several hosts.
func (use *Usage) On(name string) string { return on(name, use.Site) }

func on(name, site string) string {
	if site == "" {
		return name
	}
	return name + " on " + site
}
