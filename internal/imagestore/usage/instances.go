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
}

// MadeOf are the domains that novacron made, also those that are being made. catalog.ErrDamaged where some instances have metadata
// that cannot be read: they may be of any template; found are the others.
func (use *Usage) MadeOf(domains []host.Domain) (found []Instance, err error) {
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
				"remove the domain", use.calls(d), use.host.URI(), err))
			continue
		}
		found = append(found, Instance{facts, d})
	}
	return found, errors.Join(errs...)
}

// HasInstanceDisk tells whether a disk of a domain is called as an instance's is. A domain without one is no instance, whatever
// its metadata say: an instance's definition has the paths of its disks from the start, also before they are made.
func HasInstanceDisk(d host.Domain) bool {
	return slices.ContainsFunc(d.Disks, func(disk host.DomainDisk) bool {
		return naming.IsDisk(path.Base(disk.Path))
	})
}

// calls is what the library's user may be told of a domain whose metadata do not say whose it is.
func (use *Usage) calls(d host.Domain) string {
	if !naming.IsDomainOf(use.tenant, d.Name) {
		return fmt.Sprintf("the domain of UUID %s", d.UUID)
	}
	return fmt.Sprintf("domain %q", d.Name)
}

// Of tells whether the instance was made from a template of the library in that pool. Another library of the host may have
// one of the same name. Metadata that are older do not say whose it is.
func (i Instance) Of(pool string, id catalog.TemplateID) bool {
	return i.Template == id.String() && (i.Library == pool || i.Library == "")
}

// InstancesOf lists the instances on the host that were made from a template of this library, of all tenants. unknown
// names the domains that the host cannot describe, with the reason: they may be such instances, and are not among them.
func (use *Usage) InstancesOf(ctx context.Context, id catalog.TemplateID) (found []Instance, unknown []string, err error) {
	domains, undescribed, err := use.host.AllDomains(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, u := range undescribed {
		unknown = append(unknown, use.NameOf(u)+use.Reason(u))
	}
	all, err := use.MadeOf(domains)
	return slices.DeleteFunc(all, func(i Instance) bool { return !i.Of(use.pool, id) }), unknown, err
}

// InstanceCounts tells how many instances on the host were made from each version of a template, in whichever way: of all
// tenants for the template's own, which has to know what it offers is used for; else of one's own tenant.
func (use *Usage) InstanceCounts(ctx context.Context, id catalog.TemplateID) (map[string]int, error) {
	instances, _, err := use.InstancesOf(ctx, id)
	counts := make(map[string]int, len(instances))
	for _, i := range instances {
		if use.tenant == id.Tenant || use.tenant == i.Tenant {
			counts[i.Version]++
		}
	}
	return counts, err
}
