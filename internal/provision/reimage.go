package provision

import (
	"context"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Reimage gives an instance the system disk of another version. The domain keeps its UUID, its MAC
// addresses and its other disks; parameters and customization work once more, as at every first
// boot. Then it does what Update does. A failure before the new disk is in the definition leaves
// everything as it was; the next Update finishes what a later failure left.
func (p *Provisioner) Reimage(ctx context.Context, uuid string, r kind.Request) (kind.Instance, Record, error) {
	defer p.forget()
	before, err := p.Read(ctx, uuid)
	if err != nil {
		return before, Record{}, err
	}
	r.Boots = true
	b := p.build(r, before.Facts.Tenant)
	b.UUID = uuid
	after, err := b.recorded(ctx, catalog.ActionReimage, func() (after kind.Instance, err error) {
		b.announce(ctx)
		if before.Facts.Version != r.Version {
			return b.reimage(ctx, before)
		}
		// What was not known while planning is added to what there is.
		if b.Blueprint, err = p.BlueprintOf(ctx, before, r); err != nil {
			return before, err
		}
		return b.update(ctx)
	})
	return after, b.record, err
}

func (b *build) reimage(ctx context.Context, before kind.Instance) (kind.Instance, error) {
	if err := b.renew(ctx, before); err != nil {
		return before, b.End(ctx, err)
	}
	after := before
	err := b.Do(ctx, "start", func(ctx context.Context) (err error) {
		after, err = b.update(ctx)
		return err
	})
	return after, err
}

// renew creates the new system disk, and puts it into the definition.
func (b *build) renew(ctx context.Context, before kind.Instance) error {
	failed := func(name string, err error) error {
		return fmt.Errorf("giving instance %q the image of version %s, step %s: %w",
			b.Request.Name, b.Request.Version, name, err)
	}
	var err error
	if b.driver, err = b.p.kinds.of(before.Type); err != nil {
		return err
	}
	if err := b.replicate(ctx); err != nil {
		return failed("replicate", err)
	}
	for n, s := range b.driver.Renew(&b.Build, before) {
		err := b.Do(ctx, s.Name, func(ctx context.Context) error {
			if n == 0 { // deciding is part of the first step, as records have always had it
				if err := b.resolve(ctx); err != nil {
					return err
				}
				if err := b.reimagable(ctx, before); err != nil {
					return err
				}
			}
			return s.Do(ctx)
		})
		if err != nil {
			return failed(s.Name, err)
		}
	}
	err = b.Do(ctx, "define", func(ctx context.Context) error { return b.swap(ctx, before) })
	if err == nil {
		return nil
	}
	if step.MayBeDone(err) { // undoing could delete what may be the instance's disk; the next reimage finds out
		b.Keep()
	}
	return failed("define", err)
}

func (b *build) update(ctx context.Context) (kind.Instance, error) {
	return b.p.Update(ctx, b.UUID, Change{
		Description: b.Request.Description, Blueprint: &b.Blueprint, AllowRestart: true, Options: b.Request.Options,
	})
}

// reimagable refuses what only another instance could have. A plan reports this too, but it knows
// nothing of a version that the same apply registers.
func (b *build) reimagable(ctx context.Context, before kind.Instance) error {
	if b.Blueprint.Type != before.Type {
		return finding.List{{Path: finding.At("version"), Summary: "Version is of another type of template",
			Detail: fmt.Sprintf(
				"Instance %q is of type %q, and version %q of its template is of type %q: replace the instance. "+
					"Nothing was changed.",
				b.Request.Name, before.Type, b.Blueprint.Version.ID, b.Blueprint.Type)}}
	}
	diff, findings, err := b.p.CompareForReimage(ctx, before, b.Blueprint)
	if err != nil {
		return err
	}
	for _, at := range diff.Replaces {
		findings.Add(at, "Change requires a new instance",
			fmt.Sprintf("Instance %[2]q cannot change to what version %[1]q "+
				"asks for. Plan again: now that the version exists, the plan shows what "+
				"that means. Nothing was changed.", b.Blueprint.Version.ID, b.Request.Name))
	}
	if len(findings) > 0 || b.p.limits == nil {
		return findings.Err()
	}
	_, grows, err := growth(ctx, b.driver, before, b.Blueprint)
	if err != nil {
		return err
	}
	return b.p.checkGrowth(ctx, before, grows)
}

// swap puts the new disk into the definition, with the facts of the instance from now on.
func (b *build) swap(ctx context.Context, before kind.Instance) error {
	if err := b.confirmVersion(ctx); err != nil {
		return err
	}
	facts, completed := before.Facts, now()
	facts.Version, facts.Digest = b.Request.Version, b.Blueprint.Version.Digest
	frozen, err := metadata.Freeze(b.Blueprint.Version)
	if err != nil {
		return err
	}
	facts.Frozen = frozen
	facts.Parameters, facts.SecretSeed = metadata.Settings(b.Blueprint.Shown), b.Blueprint.Secret()
	facts.Customized, facts.Addressing = b.Blueprint.Customized(false), metadata.NoteAddressing(b.Blueprint.NICs)
	facts.Provision = metadata.ProvisionNote{
		Request: b.record.RequestID, RequestedBy: b.record.RequestedBy, Started: b.record.StartedAt,
		Completed: &completed,
	}
	b.Blueprint.Note(&facts)
	metadata, err := facts.Marshal()
	if err != nil {
		return err
	}
	return b.driver.Swap(ctx, &b.Build, metadata)
}
