package usage

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Instance is an instance of a template, as its host has it.
type Instance struct {
	metadata.Facts
	Domain host.Domain
	Site   string // what users call the host, if there are several; see Options
}

// String names the instance, and the host if there are several.
func (i Instance) String() string { return on(i.Tenant+"/"+i.Name, i.Site) }

// InstancesAmong returns those of the domains that novacron created, including those that are still
// being created. It returns catalog.ErrDamaged if some instances have metadata that cannot be read:
// they may be of any template; found are the others.
func (use *Usage) InstancesAmong(domains []host.Domain) (found []Instance, err error) {
	var errs []error
	for _, d := range domains {
		if d.Metadata == "" {
			continue
		}
		facts, err := metadata.Parse(d.Metadata)
		if err != nil && !HasInstanceDisk(d) {
			continue
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s on %s: %w. Correct them with `virsh edit`, or "+
				"remove the domain", use.calls(d), use.Host.URI(), err))
			continue
		}
		found = append(found, Instance{facts, d, use.Site})
	}
	return found, errors.Join(errs...)
}

// HasInstanceDisk reports whether a disk of a domain is named like an instance's. A domain without
// one is not an instance, even if its metadata say so: an instance's definition has the paths of
// its disks from the start, before they are created.
func HasInstanceDisk(d host.Domain) bool {
	return slices.ContainsFunc(d.Disks, func(disk host.DomainDisk) bool {
		return naming.IsDisk(path.Base(disk.Path))
	}) || slices.ContainsFunc(d.Filesystems, func(f host.Filesystem) bool {
		return naming.IsDisk(path.Base(f.Source))
	})
}

// calls is what may be disclosed to the library's user about a domain whose metadata do not say
// which tenant owns it.
func (use *Usage) calls(d host.Domain) string {
	if !naming.IsDomainOf(use.Tenant, d.Name) {
		return fmt.Sprintf("the domain of UUID %s", d.UUID)
	}
	return fmt.Sprintf("domain %q", d.Name)
}

// Of reports whether the instance was created from a template of the library in that pool. Another
// library of the host may have a template of the same name. Older metadata do not name the library.
func (i Instance) Of(pool string, id catalog.TemplateID) bool {
	return i.Template == id.String() && (i.Library == pool || i.Library == "")
}

// Made returns a function that reports whether an instance was created from a template of this
// catalog, of images of this pool. Several catalogs may have images in the pool, and templates of the
// same name: the mark of the instance says which of them has its template; see Options.
func (use *Usage) Made(ctx context.Context) (made func(Instance, catalog.TemplateID) bool, err error) {
	mark := ""
	if use.Mark != nil {
		mark, err = use.Mark(ctx)
	}
	return func(i Instance, id catalog.TemplateID) bool { return i.Catalog == mark && i.Of(use.Pool, id) }, err
}

// InstancesOf lists the instances on the host that were created from a template of this library, of
// all tenants. unknown names the domains that the host cannot describe, with the reason: they may
// be such instances, but are not among those found.
func (use *Usage) InstancesOf(
	ctx context.Context, id catalog.TemplateID,
) (found []Instance, unknown []string, err error) {
	domains, undescribed, err := use.Domains(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, u := range undescribed {
		unknown = append(unknown, use.On(use.NameOf(u))+use.Reason(u))
	}
	made, err := use.Made(ctx)
	if err != nil {
		return nil, nil, err
	}
	all, err := use.InstancesAmong(domains)
	return slices.DeleteFunc(all, func(i Instance) bool { return !made(i, id) }), unknown, err
}

// Counts counts instances of a template by their versions. For the template's own tenant it counts
// instances of all tenants, because that tenant has to know how its template is used; for another
// tenant it counts only that tenant's own.
func (use *Usage) Counts(id catalog.TemplateID, instances []Instance) map[string]int {
	counts := make(map[string]int, len(instances))
	for _, i := range instances {
		if use.Tenant == id.Tenant || use.Tenant == i.Tenant {
			counts[i.Version]++
		}
	}
	return counts
}
