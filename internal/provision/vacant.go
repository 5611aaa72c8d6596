package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// VacantError says why a host cannot get an instance that moves there.
type VacantError struct{ Why string } // a phrase

func (e *VacantError) Error() string { return "the host cannot get the instance: " + e.Why }

// Vacant makes sure that nothing on the host is in the way of an instance that moves there from another
// provisioner's host, and that its pools have room. It changes nothing. It returns a *VacantError if that
// is not so. other is the name of the host that has the instance.
func (p *Provisioner) Vacant(ctx context.Context, c Cargo, from *Provisioner, other string) error {
	return p.vacant(ctx, c, from, other, func(ctx context.Context, other string) (bool, error) {
		return p.Shares(ctx, c, other)
	})
}

// vacant is Vacant by what says whether this host shares the library's pool with the other one.
func (p *Provisioner) vacant(
	ctx context.Context, c Cargo, from *Provisioner, other string, shares func(context.Context, string) (bool, error),
) error {
	shared, err := shares(ctx, other)
	if err != nil {
		return err
	}
	if shared {
		if err = p.hasAll(ctx, c); err == nil {
			_, err = p.remains(ctx, c.Instance, other)
		}
		return err
	}
	same, err := p.samePool(ctx, from)
	if err != nil {
		return err
	}
	if same {
		return &VacantError{"it has the same storage pool as the instance's host, so it is the same host"}
	}
	facts := c.Instance.Facts
	remains, err := p.remains(ctx, c.Instance, other)
	if err != nil {
		return err
	}
	pools, err := p.roomIn(ctx, c)
	if err != nil {
		return err
	}
	if !remains { // otherwise these volumes are removed with their domain
		found, err := p.volumes.List(ctx, facts.Tenant, facts.Name, pools)
		if err != nil {
			return err
		}
		for pool, names := range found {
			return &VacantError{fmt.Sprintf("its pool %q has %q already: if both hosts share the pool, create or "+
				"change an instance on each of them first, by which they notice that; otherwise delete the volume",
				pool, names[0])}
		}
	}
	return nil
}

// samePool reports whether the library's pools of two provisioners are the same.
func (p *Provisioner) samePool(ctx context.Context, other *Provisioner) (bool, error) {
	mine, err := p.host.PoolUUID(ctx, p.library.Pool())
	if errors.Is(err, host.ErrNoPool) { // it is created with the first image
		return false, nil
	}
	if err != nil {
		return false, err
	}
	theirs, err := other.host.PoolUUID(ctx, other.library.Pool())
	return mine == theirs, err
}

// remains reports whether the host has the domain of an earlier move of the instance. It returns a
// *VacantError if it has another domain of the instance's name or UUID.
func (p *Provisioner) remains(ctx context.Context, i kind.Instance, other string) (bool, error) {
	for _, find := range []func() (kind.Driver, host.Domain, error){
		func() (kind.Driver, host.Domain, error) { return p.kinds.definition(ctx, i.UUID) },
		func() (kind.Driver, host.Domain, error) {
			return p.kinds.named(ctx, naming.Domain(i.Facts.Tenant, i.Facts.Name))
		},
	} {
		_, domain, err := find()
		if errors.Is(err, host.ErrNoDomain) {
			continue
		}
		if err != nil {
			return false, err
		}
		if facts, err := metadata.Parse(domain.Metadata); err == nil && domain.UUID == i.UUID && facts.Moving == other {
			return true, nil
		}
		return false, &VacantError{fmt.Sprintf("it has the domain %q already (UUID %s)", domain.Name, domain.UUID)}
	}
	return false, nil
}

// poolsOf are the pools of the host that an instance which moves there has volumes in.
func (p *Provisioner) poolsOf(c Cargo) []string {
	names := []string{p.library.Pool()}
	for _, part := range c.parts {
		if name := p.volumes.TierPool(part.tier); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// roomIn returns a *VacantError if a pool is too full for what is to be copied to it, and else the pools
// that there are: the library's is created with its first image.
func (p *Provisioner) roomIn(ctx context.Context, c Cargo) (pools []string, err error) {
	for _, pool := range p.poolsOf(c) {
		has, err := p.host.Pool(ctx, pool)
		if errors.Is(err, host.ErrNoPool) && pool == p.library.Pool() {
			continue
		}
		if err != nil {
			return nil, err
		}
		var needs uint64
		for _, part := range c.parts {
			if p.volumes.TierPool(part.tier) == pool {
				needs += part.allocated
			}
		}
		if needs > has.Available {
			return nil, &VacantError{fmt.Sprintf("its pool %q has %d MiB left, and the instance's volumes take %d MiB",
				pool, has.Available>>20, needs>>20)}
		}
		pools = append(pools, pool)
	}
	return pools, nil
}
