package usage

import (
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Messages count what belongs to other tenants, and never name it.

// Named names the instances of the library user's own tenant, and counts the others.
func (use *Usage) Named(instances []Instance) string {
	var own []string
	for _, i := range instances {
		if i.Tenant == use.Tenant {
			own = append(own, i.String())
		}
	}
	slices.Sort(own)
	return finding.AndOthers(own, len(instances)-len(own))
}

// Foreign reports whether a file is a disk of another tenant's instance.
func (use *Usage) Foreign(instances []Instance, file string) bool {
	return slices.ContainsFunc(instances, func(i Instance) bool {
		return i.Tenant != use.Tenant && slices.ContainsFunc(i.Domain.Disks, func(d host.DomainDisk) bool {
			return d.Path == file
		})
	})
}
