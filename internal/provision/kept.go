package provision

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/imagestore/usage"
)

// Kept lists the instances of the catalog on the host, of all tenants, including those that were never
// completed. It takes two requests, and one for each domain of the host. Domains that the host cannot
// describe are left out.
func (p *Provisioner) Kept(ctx context.Context) ([]usage.Instance, error) {
	domains, _, err := p.host.AllDomains(ctx)
	if err != nil {
		return nil, err
	}
	mark, err := p.library.Images.Mark(ctx)
	if err != nil {
		return nil, err
	}
	all, err := p.library.Images.Usage().InstancesAmong(domains)
	var ours []usage.Instance
	for _, i := range all {
		if i.Catalog == mark {
			ours = append(ours, i)
		}
	}
	return ours, err
}
