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
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// A move to another host is the work of two provisioners: that of the host that has the instance, and
// that of the host that is to have it. Package fleet says in which order, and decides by the instance's
// placement which of the two hosts has it. The note metadata.Facts.Moving in both domains makes every
// reader of one of them ask the placement. No domain that has the note of an unfinished move is
// started, except by its undo.

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

// Note notes in the domain of an instance that it is moved between this host and the other of a name;
// "" notes that the move is over. It is not an error if there is no domain.
func (p *Provisioner) Note(ctx context.Context, uuid, other string) error {
	defer p.forget()
	return step.Completed(ctx, func(ctx context.Context) error {
		driver, domain, err := p.kinds.definition(ctx, uuid)
		if errors.Is(err, host.ErrNoDomain) {
			return nil
		}
		if err != nil {
			return err
		}
		facts, err := p.factsOf(domain)
		if err != nil || facts.Moving == other && !facts.Arrived {
			return err
		}
		facts.Moving, facts.Arrived = other, false
		return writeFacts(ctx, driver.Domains(), uuid, facts)
	})
}

// Admit defines the domain of an instance that moves here from the host of a name, if it fits. It returns
// a FullError if it does not, and then nothing is left. It first removes what an earlier move has left.
func (p *Provisioner) Admit(ctx context.Context, c Cargo, from *Provisioner, other string) error {
	defer p.forget()
	driver, err := p.kinds.of(c.Instance.Type)
	if err == nil {
		err = p.library.Images.UsePool(ctx)
	}
	if err != nil {
		return err
	}
	if err := p.vacant(ctx, c, from, other, p.sharesWith); err != nil {
		return err
	}
	remains, err := p.remains(ctx, c.Instance, other)
	if err == nil && remains {
		err = p.Abandon(ctx, c.Instance.UUID)
	}
	if err != nil {
		return err
	}
	origin, err := from.kinds.of(c.Instance.Type)
	if err != nil {
		return err
	}
	definition, err := origin.Domains().Definition(ctx, c.Instance.UUID)
	if err != nil {
		return err
	}
	to, err := p.relocation(ctx, c, other, false)
	if err != nil {
		return err
	}
	define := func(ctx context.Context) error { return p.defineRelocated(ctx, driver, definition, to) }
	return roomClaim{
		p, driver, c.Instance.Facts.Name, c.Instance.UUID, DemandOf(c.Blueprint), define,
	}.defineWithin(ctx)
}

// relocation is what the definition of an instance gets that moves here from the host of a name. arrived
// says that it is what the definition gets once the guest has come here while it ran.
func (p *Provisioner) relocation(
	ctx context.Context, c Cargo, other string, arrived bool,
) (to host.Relocation, err error) {
	to = host.Relocation{Name: c.Instance.DomainName, UUID: c.Instance.UUID, Files: map[string]string{}}
	for _, part := range c.parts {
		pool, err := p.poolFor(ctx, part)
		if err != nil {
			return to, err
		}
		to.Files[part.path] = pool.Path + "/" + part.volume
	}
	to.Metadata, err = p.factsHere(ctx, c, other, arrived)
	return to, err
}

// poolFor is the pool of the host that a volume moves to.
func (p *Provisioner) poolFor(ctx context.Context, of part) (host.Pool, error) {
	if err := p.library.Images.Open(ctx); err != nil { // which creates the library's pool
		return host.Pool{}, err
	}
	return p.sources.pool(ctx, p.volumes.TierPool(of.tier))
}

// factsHere are the metadata that an instance has once it is on this host.
func (p *Provisioner) factsHere(ctx context.Context, c Cargo, other string, arrived bool) (string, error) {
	facts := c.Instance.Facts
	mark, err := p.library.Images.Mark(ctx)
	if err != nil {
		return "", err
	}
	facts.Library, facts.Catalog, facts.Pools, facts.Moving = p.library.Pool(), mark, p.poolsOf(c)[1:], other
	facts.Arrived = arrived
	return facts.Marshal()
}

func (p *Provisioner) defineRelocated(
	ctx context.Context, driver kind.Driver, definition string, to host.Relocation,
) error {
	p.orphans.RLock()
	defer p.orphans.RUnlock()
	for _, d := range p.kinds { // a connection refuses only what it has itself
		for _, find := range []func() (host.Domain, error){
			func() (host.Domain, error) { return d.Domains().DomainByName(ctx, to.Name) },
			func() (host.Domain, error) { return d.Domains().DomainWith(ctx, to.UUID, host.Status{}) },
		} {
			if _, err := find(); err == nil {
				return &VacantError{fmt.Sprintf("it has the domain %q already", to.Name)}
			} else if !errors.Is(err, host.ErrNoDomain) {
				return err
			}
		}
	}
	return step.Uninterrupted(ctx, func(ctx context.Context) error {
		_, err := driver.Domains().DefineRelocated(ctx, definition, to)
		return err
	})
}

// Supply makes sure that the host has the image that an instance stands on which moves there.
func (p *Provisioner) Supply(ctx context.Context, c Cargo) error {
	if !c.stands() {
		return nil
	}
	_, err := p.sources.image(ctx, c.Blueprint.Version)
	return err
}

// Vacate shuts a guest down that is to move to another host, so that nothing but a person starts it here.
func (p *Provisioner) Vacate(ctx context.Context, i kind.Instance) error {
	defer p.forget()
	driver, err := p.kinds.of(i.Type)
	if err != nil {
		return err
	}
	if i.Autostart {
		if err := driver.Domains().SetAutostart(ctx, i.UUID, false); err != nil {
			return err
		}
	}
	return driver.Stop(ctx, i.UUID, kind.HalfTime(ctx))
}

// Vacated returns an error unless the guest of an instance that is being moved is off and stays off.
func (p *Provisioner) Vacated(ctx context.Context, i kind.Instance) error {
	_, domain, err := p.kinds.byUUID(ctx, i.UUID)
	if err == nil && (domain.State != host.StateShutoff || domain.Autostart) {
		err = fmt.Errorf("instance %q was started on its host while it was being moved", i.Facts.Name)
	}
	return err
}

// Return brings an instance that has stayed on its host back to how it was before a move began.
func (p *Provisioner) Return(ctx context.Context, i kind.Instance) error {
	defer p.forget()
	driver, err := p.kinds.of(i.Type)
	if err != nil {
		return err
	}
	if i.Autostart {
		err = driver.Domains().SetAutostart(ctx, i.UUID, true)
	}
	if err == nil && i.Healthy() {
		_, err = driver.Start(ctx, i)
	}
	return err
}

// Abandon removes what a move has left of the instance of a UUID on a host that does not have the instance:
// the volumes, and then the domain. If both hosts share the pool, the volumes are those that the instance has on
// the other one, and stay. It refuses a domain without the note of a move. If there is no domain,
// nothing is left.
func (p *Provisioner) Abandon(ctx context.Context, uuid string) error {
	defer p.forget()
	driver, domain, err := p.kinds.definition(ctx, uuid)
	if errors.Is(err, host.ErrNoDomain) {
		return nil
	}
	if err != nil {
		return err
	}
	facts, err := p.factsOf(domain)
	if err != nil {
		return err
	}
	if facts.Moving == "" {
		return fmt.Errorf("the domain %q on %s has no note that it is being moved, so it stays: remove it by hand if "+
			"another host has the instance", domain.Name, p.host.URI())
	}
	shared, err := p.library.Images.MayShareWith(ctx, facts.Moving)
	if err != nil {
		return err
	}
	if shared {
		return p.removeDomain(ctx, driver, domain.UUID)
	}
	return p.discard(ctx, driver, domain, facts, facts.Tenant, facts.Name, 0)
}
