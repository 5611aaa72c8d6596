package provision

import (
	"context"
	"errors"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// A move to another host is the work of two provisioners: that of the host that has the instance, and
// that of the host that is to have it. Package fleet says in which order, and decides by the instance's
// placement which of the two hosts has it. The note metadata.Facts.Moving in both domains makes every
// reader of one of them ask the placement. No domain that has the note of an unfinished move is
// started, except by its undo.

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
		if to.Files[part.path], err = p.pathFor(ctx, c, part); err != nil {
			return to, err
		}
	}
	to.Metadata, err = p.factsHere(ctx, c, other, arrived)
	return to, err
}

// pathFor is where this host has a file of an instance that moves here.
func (p *Provisioner) pathFor(ctx context.Context, c Cargo, of part) (string, error) {
	pool, err := p.poolFor(ctx, of)
	if err != nil {
		return "", err
	}
	switch of.shared {
	case sharedImage:
		image, err := p.sources.image(ctx, c.Blueprint.Version)
		return image.volume.Path, err
	case sharedByKind:
		driver, err := p.kinds.of(c.Instance.Type)
		if err != nil {
			return "", err
		}
		return driver.Provide(ctx, pool)
	default:
		return pool.Path + "/" + of.volume, nil
	}
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
