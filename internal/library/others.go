package library

import (
	"fmt"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// What belongs to other tenants is counted in messages, and never named.

// named names instances to the library's user: those of their own tenant, and how many others there are.
func (l *Library) named(instances []made) string {
	var own []string
	for _, i := range instances {
		if i.Tenant == l.me.Tenant {
			own = append(own, i.Tenant+"/"+i.Name)
		}
	}
	slices.Sort(own)
	return naming.AndOthers(own, len(instances)-len(own))
}

// foreign tells whether a file is a disk of another tenant's instance.
func (l *Library) foreign(instances []made, file string) bool {
	return slices.ContainsFunc(instances, func(i made) bool {
		return i.Tenant != l.me.Tenant && slices.ContainsFunc(i.domain.Disks, func(d host.DomainDisk) bool { return d.Path == file })
	})
}

// versionsOn names the versions that use a base, but for those of other tenants and catalogues, which it counts.
func (l *Library) versionsOn(b catalog.Base) []string {
	own := slices.DeleteFunc(slices.Clone(b.Versions), func(id string) bool { return !strings.HasPrefix(id, l.me.Tenant+"/") })
	if others := len(b.Versions) - len(own); others > 0 {
		own = append(own, fmt.Sprintf("%d of other tenants or catalogs", others))
	}
	return own
}
