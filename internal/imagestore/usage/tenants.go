package usage

import (
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// What belongs to other tenants is counted in messages, and never named.

// Named names instances to the library's user: those of their own tenant, and how many others there are.
func (use *Usage) Named(instances []Instance) string {
	var own []string
	for _, i := range instances {
		if i.Tenant == use.tenant {
			own = append(own, i.Tenant+"/"+i.Name)
		}
	}
	slices.Sort(own)
	return naming.AndOthers(own, len(instances)-len(own))
}

// Foreign tells whether a file is a disk of another tenant's instance.
func (use *Usage) Foreign(instances []Instance, file string) bool {
	return slices.ContainsFunc(instances, func(i Instance) bool {
		return i.Tenant != use.tenant && slices.ContainsFunc(i.Domain.Disks, func(d host.DomainDisk) bool { return d.Path == file })
	})
}
