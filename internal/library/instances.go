package library

import (
	"context"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
)

// made is an instance of a template, as its host has it.
type made struct {
	catalog.InstanceFacts
	domain hypervisor.Domain
}

// madeOf are the domains that novacron made, also those that are being made.
func madeOf(domains []hypervisor.Domain) []made {
	var found []made
	for _, d := range domains {
		if d.Metadata == "" {
			continue
		}
		if facts, err := catalog.ParseInstanceFacts(d.Metadata); err == nil {
			found = append(found, made{facts, d})
		}
	}
	return found
}

// of tells whether the instance was made from a template of the library in that pool. Another library of the host may have
// one of the same name. Metadata that are older do not say whose it is.
func (i made) of(pool string, id catalog.TemplateID) bool {
	return i.Template == id.String() && (i.Library == pool || i.Library == "")
}

// instancesOf lists the instances on the host that were made from a template of this library, whoever's they are.
func (l *Library) instancesOf(ctx context.Context, id catalog.TemplateID) ([]made, error) {
	domains, err := l.host.AllDomains(ctx)
	return slices.DeleteFunc(madeOf(domains), func(i made) bool { return !i.of(l.pool, id) }), err
}

// InstanceCounts tells how many instances on the host were made from each version of a template, in whichever way: of all
// tenants for the template's own, which has to know what it offers is used for; else of one's own tenant.
func (l *Library) InstanceCounts(ctx context.Context, id catalog.TemplateID) (map[string]int, error) {
	instances, err := l.instancesOf(ctx, id)
	counts := make(map[string]int, len(instances))
	for _, i := range instances {
		if l.me.Tenant == id.Tenant || l.me.Tenant == i.Tenant {
			counts[i.Version]++
		}
	}
	return counts, err
}
