package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/hostid"
	"github.com/novacron/terraform-provider-novacron/internal/kind/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// clearRemains makes way for a new instance. It removes the domain of the same name that a dead
// create has left, and refuses if the name belongs to something alive. It returns orphanedError for
// an instance that is to be taken over. Volumes stay until the new domain has claimed the name:
// before that, they may belong to another create that is about to claim it.
func (b *build) clearRemains(ctx context.Context) error {
	name := naming.Domain(b.Tenant, b.Request.Name)
	driver, domain, err := b.p.kinds.named(ctx, name)
	if errors.Is(err, host.ErrNoDomain) {
		return nil
	}
	if err != nil {
		return err
	}
	if domain.Metadata == "" {
		return b.p.nameForeign(b.Tenant, b.Request.Name)
	}
	facts, err := b.p.factsOf(domain)
	if err != nil {
		return err
	}
	if facts.Tenant != b.Tenant || facts.Name != b.Request.Name {
		return b.p.nameForeign(b.Tenant, b.Request.Name)
	}
	note := facts.Provision
	if orphaned(note) {
		return b.adoptable(ctx, domain)
	}
	if note.Completed != nil {
		return b.p.nameTaken(b.Tenant, b.Request.Name)
	}
	abandoned, err := note.Lease().Abandoned(ctx, b.clock)
	if err != nil {
		return err
	}
	if !abandoned {
		return finding.List{{Path: finding.At("name"), Summary: "Instance is being created", Detail: fmt.Sprintf(
			"%s (process %s) has been creating instance %q since %s. If that process is dead, remove the domain "+
				"with `virsh undefine %s`, or wait until %s: its remains are then removed automatically.",
			note.RequestedBy, lease.Show(note.Runner), b.Request.Name, note.Started.Format("15:04:05"), name,
			note.Lease().Expires().Format("15:04:05 MST"))}}
	}
	// Otherwise the library would later delete volumes by name, and by then they are this instance's.
	if !b.p.library.Removals.Keep(domain.UUID) {
		return b.p.nameTaken(b.Tenant, b.Request.Name)
	}
	if b.Remains, err = b.p.volumes.PoolsOf(ctx, volumes.Disks(domain)); err != nil {
		return err
	}
	b.Remains = append(b.Remains, facts.Pools...)
	b.p.recordLost(ctx, domain.UUID, facts)
	return b.p.removeDomain(ctx, driver, domain.UUID)
}

// CheckName reports that the name of an instance that a plan is to create is taken on the host. It
// returns planning.TakenError if an instance of the tenant has the name and is not in the plan's
// state. What a dead create has left makes way.
func (p *Planner) CheckName(ctx context.Context, name string) error {
	tenant := p.library.Tenant()
	taken := naming.Domain(tenant, name)
	names, err := p.domainNames(ctx)
	if err != nil || !slices.Contains(names, taken) {
		return err
	}
	return p.library.Removals.WhilePlanning(ctx, func() error {
		_, domain, err := p.kinds.named(ctx, taken)
		if errors.Is(err, host.ErrNoDomain) {
			return nil
		}
		if err != nil {
			return err
		}
		facts, err := metadata.Parse(domain.Metadata)
		switch {
		case err != nil || facts.Tenant != tenant || facts.Name != name:
			return p.nameForeign(tenant, name)
		case orphaned(facts.Provision) || facts.Provision.Completed == nil ||
			p.library.Plan.InstanceInState(domain.UUID):
			return nil
		}
		return p.nameTaken(tenant, name)
	})
}

// domainNames are the names of the host's domains, read once for all instances that a plan creates.
func (p *Planner) domainNames(ctx context.Context) (names []string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.domains == nil {
		if names, err = p.kinds.names(ctx); err != nil {
			return nil, err
		}
		p.domains = append([]string{}, names...)
	}
	return p.domains, nil
}

// nameTaken reports that the tenant has an instance of the name.
func (p *Planner) nameTaken(tenant, name string) error {
	return planning.Taken(finding.List{{Path: finding.At("name"), Summary: "Instance name already in use",
		Detail: fmt.Sprintf(
			"The host %s has a domain %q already. Choose another name, %s.",
			p.inventory.URI(), naming.Domain(tenant, name), planning.UniqueName("instance", tenant+"/"+name))}})
}

// nameForeign is nameTaken for a domain that is not the tenant's, so that it cannot be imported.
func (p *Planner) nameForeign(tenant, name string) error {
	return finding.List{{Path: finding.At("name"), Summary: "Instance name already in use", Detail: fmt.Sprintf(
		"The host %s has a domain %q already. Choose another name: that domain is not an "+
			"instance of tenant %q.", p.inventory.URI(), naming.Domain(tenant, name), tenant)}}
}

// NameState says what has an instance's name on a host.
type NameState int

const (
	// NameFree means that nothing has the name.
	NameFree NameState = iota
	// NameTaken means that an instance has the name.
	NameTaken
	// NameForeign means that a domain which is no instance of the tenant has the name.
	NameForeign
	// NameComing means that a process which may be alive creates an instance of the name.
	NameComing
	// NameOrphaned means that a process died before it reported the instance that it had completed. A
	// create of the same instance takes it over.
	NameOrphaned
	// NameAbandoned means that a dead process has left a part of an instance.
	NameAbandoned
)

// Holder is what has an instance's name on a host.
type Holder struct {
	State NameState
	UUID  string // of the domain; "" if the name is free
}

// Holder finds out what has the name of an instance of the library's tenant.
func (p *Provisioner) Holder(ctx context.Context, name string) (Holder, error) {
	tenant := p.library.Tenant()
	_, domain, err := p.kinds.named(ctx, naming.Domain(tenant, name))
	if errors.Is(err, host.ErrNoDomain) {
		return Holder{}, nil
	}
	if err != nil {
		return Holder{}, err
	}
	if domain.Metadata == "" {
		return Holder{NameForeign, domain.UUID}, nil
	}
	facts, err := p.factsOf(domain)
	switch {
	case err != nil:
		return Holder{}, err
	case facts.Tenant != tenant || facts.Name != name:
		return Holder{NameForeign, domain.UUID}, nil
	case orphaned(facts.Provision):
		return Holder{NameOrphaned, domain.UUID}, nil
	case facts.Provision.Completed != nil:
		return Holder{NameTaken, domain.UUID}, nil
	}
	abandoned, err := facts.Provision.Lease().Abandoned(ctx, func(ctx context.Context) (time.Time, error) {
		return p.host.Time(ctx, p.library.Pool())
	})
	if abandoned {
		return Holder{NameAbandoned, domain.UUID}, err
	}
	return Holder{NameComing, domain.UUID}, err
}

// Clear removes what a dead process has left of an instance: its domain (see NameAbandoned), or only its
// volumes if uuid is "" (see NameFree).
func (p *Provisioner) Clear(ctx context.Context, name, uuid string) error {
	if uuid == "" {
		return p.removeOrphans(ctx, p.library.Tenant(), name)
	}
	if _, domain, err := p.kinds.definition(ctx, uuid); err == nil && domain.Metadata != "" {
		if facts, err := p.factsOf(domain); err == nil {
			p.recordLost(ctx, uuid, facts)
		}
	}
	return p.Delete(ctx, 0, uuid, p.library.Tenant(), name, hostid.ID{})
}
