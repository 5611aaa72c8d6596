package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/library"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/runner"
)

// clearRemains makes way for a new instance: it removes the domain that a create that died has left of the same name,
// and refuses when the name belongs to something alive; lostError for an instance that is to be taken over. Volumes stay
// until the new domain has claimed the name: before, they may be those of somebody who is about to claim it.
func (b *build) clearRemains(ctx context.Context) error {
	name := naming.Domain(b.tenant, b.request.Name)
	domain, err := b.host.DomainByName(ctx, name)
	if errors.Is(err, host.ErrNoDomain) {
		return nil
	}
	if err != nil {
		return err
	}
	if domain.Metadata == "" {
		return b.nameForeign(name)
	}
	facts, err := b.factsOf(domain)
	if err != nil {
		return err
	}
	if facts.Tenant != b.tenant || facts.Name != b.request.Name {
		return b.nameForeign(name)
	}
	note := facts.Provision
	if lost(note) {
		return b.lostTo(ctx, domain)
	}
	if note.Completed != nil {
		return b.nameTaken(name)
	}
	alive := !runner.Dead(note.Runner)
	if alive { // unless its time is up
		now, err := b.host.Time(ctx, b.pool.Name)
		if err != nil {
			return err
		}
		alive = !catalog.Overdue(note.Deadline, now)
	}
	if alive {
		return finding.List{{Path: finding.At("name"), Summary: "Instance is being created", Detail: fmt.Sprintf(
			"%s (process %s) has been creating instance %q since %s. If that process is dead, remove the domain with `virsh "+
				"undefine %s`, or wait until %s: its remains are then removed automatically.",
			note.RequestedBy, runner.Show(note.Runner), b.request.Name, note.Started.Format("15:04:05"), name, note.Deadline.Add(catalog.Slack).Format("15:04:05 MST"))}}
	}
	if !b.library.Keep(domain.UUID) { // or the removal would delete volumes by their names, which are this instance's by then
		return b.nameTaken(name)
	}
	if b.remains, err = b.volumes.PoolsOf(ctx, domain.Disks); err != nil {
		return err
	}
	return b.removeDomain(ctx, domain.UUID, 0)
}

// CheckName finds that the name of an instance that a plan is to create is taken on the host; library.TakenError where an
// instance of the tenant has it, which the plan's state does not have. What a create has left that died makes way.
func (p *Provisioner) CheckName(ctx context.Context, name string) error {
	b := &build{Provisioner: p, request: Request{Name: name}, tenant: p.library.Tenant()}
	names, err := p.inventory.DomainNames(ctx) // one request for all that a plan creates
	if err != nil || !slices.Contains(names, naming.Domain(b.tenant, name)) {
		return err
	}
	return p.library.PlanName(ctx, func() error {
		domain, err := p.host.DomainByName(ctx, naming.Domain(b.tenant, name))
		if errors.Is(err, host.ErrNoDomain) {
			return nil
		}
		if err != nil {
			return err
		}
		facts, err := metadata.Parse(domain.Metadata)
		switch {
		case err != nil || facts.Tenant != b.tenant || facts.Name != name:
			return b.nameForeign(domain.Name)
		case lost(facts.Provision) || facts.Provision.Completed == nil || p.library.InstanceInPlan(domain.UUID):
			return nil
		}
		return b.nameTaken(domain.Name)
	})
}

func (b *build) nameTaken(domain string) error {
	return library.Taken(finding.List{{Path: finding.At("name"), Summary: "Instance name already in use", Detail: fmt.Sprintf(
		"The host %s has a domain %q already. Choose another name, %s.", b.host.URI(), domain,
		library.UniqueName("instance", b.tenant+"/"+b.request.Name))}})
}

// nameForeign is nameTaken where the domain is not the tenant's, so that it cannot be imported.
func (b *build) nameForeign(domain string) error {
	return finding.List{{Path: finding.At("name"), Summary: "Instance name already in use", Detail: fmt.Sprintf(
		"The host %s has a domain %q already. Choose another name: that domain is not an "+
			"instance of tenant %q.", b.host.URI(), domain, b.tenant)}}
}
