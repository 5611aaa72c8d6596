package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Delete removes an instance with all that belongs to it. The guest is asked to shut down and has
// grace for it; then it is switched off, so ctx must allow for more than grace. It is not an error
// if the instance is gone already. But Delete returns *hostid.MovedError if noted, the host that
// the instance was last seen on, is or may be another host than this; noted is the zero ID if that
// is not known.
func (p *Provisioner) Delete(
	ctx context.Context, grace time.Duration, uuid, tenant, name string, noted hostid.ID,
) error {
	end, kept := p.library.Removals.Begin(uuid)
	defer end()
	if kept {
		return nil
	}
	defer p.forget()
	driver, domain, err := p.kinds.definition(ctx, uuid)
	switch {
	case errors.Is(err, host.ErrNoDomain):
		moved := p.Here.Moved(ctx, noted)
		if moved != nil && !errors.Is(moved, hostid.ErrPerhapsMoved) {
			return moved
		}
		if err := p.removeOrphans(ctx, tenant, name); err != nil {
			return err
		}
		return moved
	case err != nil:
		return err
	}
	// No user relies yet on an instance that was never completed, and only its removal makes way for
	// another try.
	var facts metadata.Facts
	if domain.Metadata != "" {
		if facts, err = p.factsOf(domain); err != nil {
			return err
		}
	}
	if facts.Protected && facts.Provision.Completed != nil {
		return finding.List{{Path: finding.At("deletion_protection"), Summary: "Instance is protected",
			Detail: fmt.Sprintf(
				"Instance %q has deletion_protection: set it to false and apply before it can be destroyed "+
					"or replaced.", name)}}
	}
	return p.discard(ctx, driver, domain, facts, tenant, name, grace)
}

// discard removes a domain with the volumes of its instance. Its guest has grace to shut down.
func (p *Provisioner) discard(
	ctx context.Context, driver kind.Driver, domain host.Domain, facts metadata.Facts, tenant, name string,
	grace time.Duration,
) error {
	if err := driver.Stop(ctx, domain.UUID, grace); err != nil {
		return err
	}
	// A host that does not answer keeps nothing: the placement says that the instance is here.
	if err := p.alone(ctx, tenant, name, domain.UUID); err != nil && !host.Unanswered(err) {
		return err
	}
	pools, err := p.volumes.PoolsOf(ctx, volumes.Disks(domain))
	if err != nil {
		return err
	}
	for _, pool := range facts.Pools { // an interrupted change may have created volumes there that no disk uses
		if !slices.Contains(pools, pool) {
			pools = append(pools, pool)
		}
	}
	// The volumes go first: a process that finds the domain still there knows that something is left
	// to do.
	if err := p.volumes.RemoveAll(ctx, tenant, name, pools); err != nil {
		return err
	}
	return p.removeDomain(ctx, driver, domain.UUID)
}

// removeOrphans removes the volumes of an instance whose domain is gone, unless another domain has
// its name now. Nothing records any more which pools they are in, so it searches all pools that the
// provider knows. It asks whether the name is free after that search: volumes come after the domain
// that claims their name, so what the search found belongs to no instance if the name is free.
func (p *Provisioner) removeOrphans(ctx context.Context, tenant, name string) error {
	p.orphans.Lock()
	defer p.orphans.Unlock()
	volumes, err := p.volumes.List(ctx, tenant, name, p.volumes.Homes())
	if err != nil {
		return err
	}
	_, _, err = p.kinds.named(ctx, naming.Domain(tenant, name))
	if !errors.Is(err, host.ErrNoDomain) || len(volumes) == 0 {
		return ignoreNoDomain(err)
	}
	for _, names := range volumes { // the host may not know which containers it has
		if host.Driverless(err) && slices.ContainsFunc(names, naming.IsOfContainer) {
			return fmt.Errorf("the volumes %s may be those of a container: %w", strings.Join(names, ", "), err)
		}
	}
	err = p.alone(ctx, tenant, name, "")
	if _, shared := errors.AsType[*SharedError](err); shared { // as if this host had the domain
		return nil
	}
	if err != nil {
		return err
	}
	return p.volumes.DeleteAll(ctx, volumes)
}

func ignoreNoDomain(err error) error {
	if errors.Is(err, host.ErrNoDomain) {
		return nil
	}
	return err
}

// removeDomain switches a domain off and undefines it. It is not an error if the domain is gone
// already.
func (p *Provisioner) removeDomain(ctx context.Context, driver kind.Driver, uuid string) error {
	state, err := driver.Domains().DomainState(ctx, uuid)
	if errors.Is(err, host.ErrNoDomain) {
		return nil
	}
	if err == nil && state != host.StateShutoff {
		err = driver.Stop(ctx, uuid, 0)
	}
	if err != nil {
		return err
	}
	if err := driver.Domains().UndefineDomain(ctx, uuid); err != nil && !errors.Is(err, host.ErrNoDomain) {
		return err
	}
	return nil
}
