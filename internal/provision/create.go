package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
	"github.com/novacron/terraform-provider-novacron/internal/runner"
	"github.com/novacron/terraform-provider-novacron/internal/step"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// Record tells how an instance was provisioned.
type Record struct {
	RequestID   string
	RequestedBy string
	CreatedAt   time.Time
	StartedAt   time.Time
	CompletedAt time.Time
	Status      string // running, completed, failed or cancelled
	Error       string
	Steps       []step.Step
	// Unrecorded is why the catalogue does not have the record, or not its end; nil where it has. It
	// is no failure of what was asked for.
	Unrecorded error
}

// Create makes an instance and waits until it is ready. exists is called as soon as the instance
// runs, or is defined where it is not to run: from then on a failure leaves it there, for its user
// to look into, until it is destroyed. Before, and after a cancel at any time, a failure leaves
// nothing.
func (p *Provisioner) Create(ctx context.Context, r Request, exists func(Instance, Record)) (Instance, Record, error) {
	defer p.statuses.forget()
	b := &build{Provisioner: p, request: r, tenant: p.library.Tenant(), Work: p.work(r.Name)}
	instance, err := b.recorded(ctx, catalog.ActionCreate, func() (Instance, error) { return b.create(ctx, exists) })
	return instance, b.record, err
}

// build is one instance being made.
type build struct {
	*Provisioner
	*step.Work
	request   Request
	tenant    string
	blueprint Blueprint
	base      baseImage
	strategy  strategy.Strategy
	pool      host.Pool   // the library's
	homes     []host.Pool // of the blueprint's drives
	remains   []string    // pools that a create which died may have used
	uuid      string
	claimed   bool // the domain was defined, and so the name is this instance's
	// configured are the network cards whose MAC addresses are not left to chance: another guest may
	// have had them, and old are the leases of that.
	configured []profile.NIC
	old        network.OldLeases
	record     Record
}

// baseImage is the base's volume.
type baseImage struct {
	catalog.Base
	volume host.Volume
}

func (b *build) create(ctx context.Context, exists func(Instance, Record)) (Instance, error) {
	type stage struct {
		name string
		do   func(context.Context) error
	}
	stages := []stage{{"define", b.define}, {"disks", b.makeDisks}, {"seed", b.makeSeed}}
	if b.request.Running {
		stages = append(stages, stage{"start", b.start})
	}
	for _, s := range stages {
		err := b.Do(ctx, s.name, s.do)
		if lost, ok := errors.AsType[*lostError](err); ok {
			return b.takeOver(ctx, lost, exists)
		}
		if err != nil {
			return b.fail(ctx, fmt.Errorf("making instance %q, step %s: %w", b.request.Name, s.name, err))
		}
	}
	instance, err := b.Read(ctx, b.uuid)
	if err != nil {
		return b.fail(ctx, err)
	}
	b.record.Steps = b.Steps()
	exists(instance, b.record)
	if b.request.Running && len(b.request.WaitFor) > 0 {
		err = b.Do(ctx, "ready", func(ctx context.Context) error {
			return b.awaitReady(ctx, instance, b.old, b.request.WaitFor, b.blueprint.reports())
		})
	}
	if err == nil {
		err = b.complete(ctx, instance)
	}
	if err == nil {
		var whole Instance
		if whole, err = b.Read(ctx, b.uuid); err == nil {
			instance = whole
		}
	}
	if errors.Is(err, context.Canceled) {
		return b.fail(ctx, err)
	}
	return instance, err
}

// fail undoes what was done.
func (b *build) fail(ctx context.Context, err error) (Instance, error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		err = &CancelledError{Instance: b.request.Name}
	}
	return Instance{}, b.End(ctx, err)
}

// CancelledError says that an instance was not made because its user thought better of it.
type CancelledError struct{ Instance string }

func (e *CancelledError) Error() string {
	return fmt.Sprintf("making instance %q was cancelled", e.Instance)
}

// Unwrap tells a cancel as contexts do.
func (e *CancelledError) Unwrap() error { return context.Canceled }

func (b *build) facts(ctx context.Context) (string, error) {
	now, err := b.host.Time(ctx, b.pool.Name)
	if err != nil {
		return "", err
	}
	takes := time.Hour
	if deadline, bounded := ctx.Deadline(); bounded {
		takes = time.Until(deadline)
	}
	frozen, err := metadata.Freeze(b.blueprint.Version)
	if err != nil {
		return "", err
	}
	_, description := metadata.Described(b.request.Description)
	return metadata.Facts{
		Description: description, Frozen: frozen, Library: b.library.Pool(), Tenant: b.tenant, Name: b.request.Name, Template: b.request.Template.String(), Version: b.request.Version,
		Digest: b.blueprint.Version.Digest, Strategy: b.blueprint.Strategy, Labels: metadata.Pairs(b.request.Labels),
		Parameters: metadata.Settings(b.blueprint.Shown), Protected: b.request.DeletionProtection, SecretSeed: b.blueprint.secret(),
		Customized: b.blueprint.customized(b.request.Running), Addressing: metadata.NoteAddressing(b.blueprint.NICs),
		Sizes: metadata.SizesOf(b.blueprint.Drives),
		Provision: metadata.ProvisionNote{
			Request: b.record.RequestID, RequestedBy: b.record.RequestedBy, Runner: runner.This(),
			Started: now, Deadline: now.Add(takes),
		},
	}.Marshal()
}

// confirmVersion makes sure that the version was not removed while its base got one more user.
func (b *build) confirmVersion(ctx context.Context) error {
	id := b.blueprint.Version.ID
	err := b.library.Stands(ctx, id)
	if err == nil && b.strategy.HoldsBase() {
		err = b.library.Holds(ctx, id, b.base.Base)
	}
	return err
}

func (b *build) start(ctx context.Context) (err error) {
	if b.old, err = b.networks.LeasesBefore(ctx, b.configured); err != nil {
		return err
	}
	return b.startFailed(ctx, step.Completed(ctx, func(ctx context.Context) error { return b.host.StartDomain(ctx, b.uuid) }))
}

// startFailed adds to the error of a guest that did not start what to try where QEMU may have
// ended, and KVM be why: QEMU's own words are an assertion then. libvirt has the same code for much
// else.
func (p *Provisioner) startFailed(ctx context.Context, err error) error {
	if !errors.Is(err, host.ErrInternal) {
		return err
	}
	if domainType, unknown := p.domainTypeFor(ctx); unknown != nil || domainType != "kvm" {
		return err
	}
	return fmt.Errorf("%w. If QEMU ended with an assertion, or without a reason, KVM may be broken on "+
		"this host, as in virtual machines that are given it only in part: set domain_type = \"qemu\" in the provider (or "+
		"NOVACRON_DOMAIN_TYPE), which emulates the processor, or try another hardware_profile.cpu_type", err)
}

// complete takes the secrets off the host, where the guest has read them, and notes that the
// instance is whole.
func (b *build) complete(ctx context.Context, instance Instance) error {
	facts, completed := instance.Facts, now()
	if b.request.Running && slices.Contains(b.request.WaitFor, WaitCloudInit) {
		if err := b.clearSecrets(ctx, &facts, instance, b.blueprint); err != nil {
			return err
		}
	}
	facts.Provision.Completed, facts.Shape, facts.MACs = &completed, instance.shape(), metadata.NoteMACs(instance.NICs)
	b.unconfirmed.add(b.uuid)
	return step.Completed(ctx, func(ctx context.Context) error { return b.writeFacts(ctx, b.uuid, facts) })
}
