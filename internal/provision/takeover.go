package provision

import (
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
)

// A process that is killed right after it created an instance has not reported it: the instance
// exists, but is in no state. So the metadata name the process until its Terraform has shut it
// down, because by then Terraform has received every response. If the process died before that, a
// request for exactly the same instance takes the instance over.

// orphanedError reports that the name belongs to an instance whose process died before it could
// report it, and that this request would create the same.
type orphanedError struct {
	instance  kind.Instance
	blueprint kind.Blueprint // of the request
}

func (e *orphanedError) Error() string {
	return "instance " + e.instance.UUID + " was made by a process that died"
}

// orphaned reports whether an instance is complete, but the process that created it may have died
// before it could report it.
func orphaned(note metadata.ProvisionNote) bool {
	return note.Completed != nil && lease.Dead(note.Runner)
}

// adoptable is the orphanedError of a domain that this request takes over, and that no other
// request can take from now on. If the instance is not what the request would create, or this
// process is removing it, the name is taken.
func (b *build) adoptable(ctx context.Context, domain host.Domain) error {
	instance, err := b.p.Read(ctx, domain.UUID)
	if errors.Is(err, ErrNotFound) { // it has just been removed
		return b.p.nameTaken(b.Tenant, b.Request.Name)
	}
	if err != nil {
		return err
	}
	blueprint, err := b.p.Blueprint(ctx, b.Request)
	if err != nil {
		return err
	}
	same := instance.Type == blueprint.Type && b.asked(instance.Facts, blueprint)
	if same {
		diff, findings, err := b.p.Compare(ctx, instance, blueprint)
		if errors.Is(err, host.ErrNoVolume) || errors.Is(err, host.ErrNoDomain) { // it is being removed
			return b.p.nameTaken(b.Tenant, b.Request.Name)
		}
		if err != nil {
			return err
		}
		same = len(diff.Replaces) == 0 && len(findings) == 0
	}
	if !same || !b.p.library.Removals.Keep(domain.UUID) {
		return b.p.nameTaken(b.Tenant, b.Request.Name)
	}
	return &orphanedError{instance, blueprint}
}

// takeOver makes an orphaned instance this request's own.
func (b *build) takeOver(
	ctx context.Context, orphan *orphanedError, exists func(kind.Instance, Record),
) (instance kind.Instance, err error) {
	exists(orphan.instance, b.record)
	b.p.recordLost(ctx, orphan.instance.UUID, orphan.instance.Facts)
	err = b.Do(ctx, "take over", func(ctx context.Context) (err error) {
		instance, err = b.p.Update(ctx, orphan.instance.UUID, Change{Description: b.Request.Description,
			Blueprint: &orphan.blueprint, Options: b.Request.Options})
		return err
	})
	return instance, err
}

// asked reports whether an instance was created for a request like this one. Secrets are not kept,
// so they cannot be compared.
func (b *build) asked(facts metadata.Facts, blueprint kind.Blueprint) bool {
	return !blueprint.Secret() && facts.Provision.RequestedBy == b.record.RequestedBy &&
		facts.Template == b.Request.Template.String() && facts.Version == b.Request.Version &&
		facts.Strategy == blueprint.Strategy &&
		facts.Digest == blueprint.Version.Digest && slices.Equal(facts.Parameters, metadata.Settings(blueprint.Shown))
}

// confirming limits how many instances are confirmed at once.
const confirming = 8

// Confirm records that Terraform has received everything reported about new instances. It is called
// at the end of a process.
func (p *Provisioner) Confirm(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(confirming)
	for _, uuid := range p.unconfirmed.Take() {
		group.Go(func() error {
			driver, domain, err := p.kinds.definition(ctx, uuid)
			if errors.Is(err, host.ErrNoDomain) {
				return nil
			}
			if err != nil {
				return err
			}
			facts, err := p.factsOf(domain)
			if err != nil || facts.Provision.Runner == "" || facts.Provision.Completed == nil {
				return err
			}
			facts.Provision.Runner = ""
			return writeFacts(ctx, driver.Domains(), uuid, facts)
		})
	}
	return group.Wait()
}
