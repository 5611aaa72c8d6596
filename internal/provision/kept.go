package provision

import (
	"context"
	"errors"
	"path"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/usage"
	"github.com/novacron/terraform-provider-novacron/internal/kind/volumes"
)

// Kept lists the instances of the catalog on the host, of all tenants, including those that were never
// completed. It takes two requests, and one for each domain of the host. Domains that the host cannot
// describe are left out.
func (p *Provisioner) Kept(ctx context.Context) ([]usage.Instance, error) {
	domains, _, err := p.library.Images.Usage().Domains(ctx)
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

// Whole reports whether the host has the instance of a UUID with all its disks. A removal that has begun has
// taken away at least one of them.
func (p *Provisioner) Whole(ctx context.Context, uuid string) (bool, error) {
	_, domain, err := p.kinds.definition(ctx, uuid)
	if errors.Is(err, host.ErrNoDomain) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	facts, err := p.factsOf(domain)
	if err != nil {
		return false, err
	}
	pools, err := p.volumes.PoolsOf(ctx, volumes.Disks(domain))
	if err != nil {
		return false, err
	}
	found, err := p.volumes.List(ctx, facts.Tenant, facts.Name, pools)
	if err != nil {
		return false, err
	}
	for _, disk := range volumes.Disks(domain) {
		there := slices.ContainsFunc(pools, func(pool string) bool {
			return slices.Contains(found[pool], path.Base(disk.Path))
		})
		if disk.Name != "" && !there { // others are not novacron's
			return false, nil
		}
	}
	return true, nil
}

// Domain is the UUID of the host's domain of a name; "" if it has none.
func (r Room) Domain(name string) (uuid string) {
	for _, a := range r.domains {
		if a.Name == name {
			return a.UUID
		}
	}
	return ""
}
