package provision

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/runner"
)

// A process that is killed right after it made an instance has told nobody: the instance is there,
// and no state has it. So the metadata name the process until its Terraform has taken leave of it,
// and has therefore heard all that it said. An instance whose process died before that is taken
// over by whoever asks for the very same.

// orphanedError says that the name belongs to an instance that was made by a process which died
// before it could say so, and that is what this request would make.
type orphanedError struct {
	instance  kind.Instance
	blueprint kind.Blueprint // of the request
}

func (e *orphanedError) Error() string {
	return "instance " + e.instance.UUID + " was made by a process that died"
}

// orphaned tells whether an instance is complete, but its maker may have died before it could say
// so.
func orphaned(note metadata.ProvisionNote) bool {
	return note.Completed != nil && runner.Dead(note.Runner)
}

// adoptable is the orphanedError of a domain that this request takes over, and that no other
// request can take from now on. One that is not what the request would make has the name, and so
// has one that this process removes.
func (b *build) adoptable(ctx context.Context, domain host.Domain) error {
	instance, err := b.p.Read(ctx, domain.UUID)
	if errors.Is(err, ErrNotFound) { // it has just gone
		return b.p.nameTaken(b.Tenant, b.Request.Name)
	}
	if err != nil {
		return err
	}
	blueprint, err := b.p.Blueprint(ctx, b.Request)
	if err != nil {
		return err
	}
	same := b.asked(instance.Facts, blueprint)
	if same {
		diff, findings, err := b.p.Compare(ctx, instance, blueprint)
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
	err = b.Do(ctx, "take over", func(ctx context.Context) (err error) {
		instance, err = b.p.Update(ctx, orphan.instance.UUID, Change{Description: b.Request.Description,
			Blueprint: &orphan.blueprint, Options: b.Request.Options})
		return err
	})
	return instance, err
}

// asked tells whether an instance was made for a request like this one. Of secrets nothing is kept
// that could tell.
func (b *build) asked(facts metadata.Facts, blueprint kind.Blueprint) bool {
	return !blueprint.Secret() && facts.Provision.RequestedBy == b.record.RequestedBy &&
		facts.Template == b.Request.Template.String() && facts.Version == b.Request.Version &&
		facts.Strategy == blueprint.Strategy &&
		facts.Digest == blueprint.Version.Digest && slices.Equal(facts.Parameters, metadata.Settings(blueprint.Shown))
}

// unconfirmed are the instances that this process has told of, and that the metadata do not say so
// of yet.
type unconfirmed struct {
	mu    sync.Mutex
	uuids []string
}

func (u *unconfirmed) add(uuid string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !slices.Contains(u.uuids, uuid) {
		u.uuids = append(u.uuids, uuid)
	}
}

func (u *unconfirmed) take() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	uuids := u.uuids
	u.uuids = nil
	return uuids
}

// confirming bounds how many instances are confirmed at once.
const confirming = 8

// Confirm notes that all that was said of new instances has been heard. It is for the end of a
// process.
func (p *Provisioner) Confirm(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(confirming)
	for _, uuid := range p.unconfirmed.take() {
		group.Go(func() error {
			driver, domain, err := p.kinds.find(func(d host.Domains) (host.Domain, error) {
				return d.DomainWith(ctx, uuid, host.Status{})
			})
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
