package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Create creates an instance and waits until it is ready. It calls exists as soon as the instance
// runs, or is defined if it is not to run. From then on, a failure leaves the instance in place for
// its user to look into, until it is destroyed. A failure before that, or a cancel at any time,
// leaves nothing.
func (p *Provisioner) Create(
	ctx context.Context, r kind.Request, exists func(kind.Instance, Record),
) (kind.Instance, Record, error) {
	return p.CreateOr(ctx, r, exists, func(_ context.Context, full error) (*Provisioner, error) { return nil, full })
}

// CreateOr is Create for a request that other hosts can carry out, too. If the host is full, elsewhere
// gets an error with a FullError in it, and returns where to try next: on another host, or on the same
// one after a pause, because a claim that was not kept may have been in the way. By then, nothing is left
// of the attempt. An error of elsewhere ends the request. All attempts have one record.
func (p *Provisioner) CreateOr(
	ctx context.Context, r kind.Request, exists func(kind.Instance, Record),
	elsewhere func(ctx context.Context, full error) (*Provisioner, error),
) (kind.Instance, Record, error) {
	b := p.build(r, p.library.Tenant())
	instance, err := b.recorded(ctx, catalog.ActionCreate, func() (kind.Instance, error) {
		for {
			instance, err := b.create(ctx, exists)
			b.p.forget()
			if _, full := errors.AsType[*FullError](err); !full || b.Left() {
				return instance, err
			}
			next, err := elsewhere(ctx, err)
			if err != nil {
				return kind.Instance{}, err
			}
			b.moveTo(next)
		}
	})
	b.record.Left = b.Left()
	return instance, b.record, err
}

// moveTo begins the work on a request again, with another provisioner, under the same record.
func (b *build) moveTo(p *Provisioner) {
	fresh := p.build(b.Request, b.Tenant)
	fresh.record, fresh.entry = b.record, b.entry
	fresh.record.Booted, fresh.entry.Value.Host = nil, bareURI(p.host.URI())
	*b = *fresh
	b.Confirm = b.confirmVersion
}

func (b *build) create(ctx context.Context, exists func(kind.Instance, Record)) (kind.Instance, error) {
	err := b.stages(ctx)
	if orphan, ok := errors.AsType[*orphanedError](err); ok {
		return b.takeOver(ctx, orphan, exists)
	}
	var instance kind.Instance
	if err == nil {
		b.noteResumed(ctx)
		instance, err = b.made(ctx)
	}
	if err != nil {
		return b.fail(ctx, err)
	}
	exists(instance, b.record)
	if b.waits() {
		err = b.Do(ctx, "ready", func(ctx context.Context) error {
			return b.driver.Ready(ctx, instance, b.Before, b.Request.WaitFor, b.Blueprint.Reports())
		})
	}
	if err == nil {
		err = b.complete(ctx, &instance)
	}
	if err == nil && b.waits() { // it has addresses by now
		var completed kind.Instance
		if completed, err = b.p.Read(ctx, b.UUID); err == nil {
			instance = completed
		}
	}
	if errors.Is(err, context.Canceled) {
		return b.fail(ctx, err)
	}
	return instance, err
}

// made is the instance once its stages are done. One that is off is still as it was defined.
func (b *build) made(ctx context.Context) (kind.Instance, error) {
	if b.Request.Running {
		return b.p.Read(ctx, b.UUID)
	}
	domain := b.Defined
	domain.Autostart = b.Request.Autostart
	return b.p.instance(ctx, b.driver, domain, nil)
}

// stages creates the instance up to the point where its user knows of it.
func (b *build) stages(ctx context.Context) error {
	run := func(s kind.Stage) error {
		if err := b.Do(ctx, s.Name, s.Do); err != nil {
			return fmt.Errorf("making instance %q, step %s: %w", b.Request.Name, s.Name, err)
		}
		return nil
	}
	if err := b.replicate(ctx); err != nil {
		return fmt.Errorf("making instance %q, step replicate: %w", b.Request.Name, err)
	}
	if err := run(kind.Stage{Name: "define", Do: b.define}); err != nil {
		return err
	}
	for _, s := range b.driver.Stages(&b.Build) {
		if err := run(s); err != nil {
			return err
		}
	}
	return nil
}

// fail undoes what was done.
func (b *build) fail(ctx context.Context, err error) (kind.Instance, error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		err = &CancelledError{Instance: b.Request.Name}
	}
	return kind.Instance{}, b.End(ctx, err)
}

// CancelledError reports that an instance was not created because its user cancelled it.
type CancelledError struct{ Instance string }

func (e *CancelledError) Error() string {
	return fmt.Sprintf("making instance %q was cancelled", e.Instance)
}

// Unwrap reports a cancel as contexts do.
func (e *CancelledError) Unwrap() error { return context.Canceled }

// complete removes the secrets from the host, once the guest has read them, and records that the
// instance is complete.
func (b *build) complete(ctx context.Context, instance *kind.Instance) error {
	facts, completed := instance.Facts, now()
	waited := b.Request.Running && slices.Contains(b.Request.WaitFor, kind.WaitCloudInit)
	if waited && b.driver.Capabilities().Forget && facts.SecretSeed {
		if err := b.driver.Forget(ctx, *instance, b.Blueprint); err != nil {
			return err
		}
		facts.SecretSeed = false
	}
	facts.Provision.Completed, facts.Shape, facts.MACs = &completed, instance.Shape, metadata.NoteMACs(instance.NICs)
	b.p.unconfirmed.Add(b.UUID)
	err := step.Completed(ctx, func(ctx context.Context) error {
		return writeFacts(ctx, b.driver.Domains(), b.UUID, facts)
	})
	if err == nil {
		instance.Facts = facts
	}
	return err
}
