package provision

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/guest"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
)

// Record tells how an instance was provisioned.
type Record struct {
	RequestID   string
	RequestedBy string
	CreatedAt   time.Time
	StartedAt   time.Time
	CompletedAt time.Time
	Status      string // running, completed or failed
	Error       string
	Steps       []Step
}

// Create makes an instance and waits until it is ready. exists is called as soon as the instance runs, or is defined
// where it is not to run: from then on a failure leaves it there, for its user to look into, until it is destroyed.
// Before, and after a cancel at any time, a failure leaves nothing.
func (p *Provisioner) Create(ctx context.Context, r Request, exists func(Instance, Record)) (Instance, Record, error) {
	defer p.statuses.forget()
	b := &build{Provisioner: p, request: r, tenant: p.library.Tenant(), run: run{instance: r.Name, observe: p.observe}}
	b.record = Record{RequestID: rand.Text(), RequestedBy: p.library.User(), CreatedAt: now(), StartedAt: now(), Status: "running"}
	instance, err := b.create(ctx, exists)
	b.record.Steps, b.record.CompletedAt, b.record.Status = b.run.steps, now(), "completed"
	if err != nil {
		b.record.Status, b.record.Error = "failed", cause(err)
	}
	return instance, b.record, err
}

// build is one instance being made.
type build struct {
	*Provisioner
	run
	request   Request
	tenant    string
	blueprint Blueprint
	base      baseImage
	pool      hypervisor.Pool
	uuid      string
	record    Record
}

// baseImage is the base's volume.
type baseImage struct {
	volume hypervisor.Volume
	format string
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
		if err := b.step(ctx, s.name, s.do); err != nil {
			return b.fail(ctx, fmt.Errorf("making instance %q, step %s: %w", b.request.Name, s.name, err))
		}
	}
	instance, err := b.Read(ctx, b.uuid)
	if err != nil {
		return b.fail(ctx, err)
	}
	b.record.Steps = b.steps
	exists(instance, b.record)
	if b.request.Running && len(b.request.WaitFor) > 0 {
		err = b.step(ctx, "ready", func(ctx context.Context) error {
			return b.awaitReady(ctx, instance, b.request.WaitFor, instance.Facts.Customized.Digest != "")
		})
	}
	if err == nil {
		err = b.complete(ctx, instance)
	}
	if errors.Is(err, context.Canceled) {
		return b.fail(ctx, err)
	}
	if err != nil {
		return instance, err
	}
	return b.Read(ctx, b.uuid)
}

// fail undoes what was done.
func (b *build) fail(ctx context.Context, err error) (Instance, error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		err = &CancelledError{Instance: b.request.Name}
	}
	return Instance{}, b.undo(ctx, err)
}

// CancelledError says that an instance was not made because its user thought better of it.
type CancelledError struct{ Instance string }

func (e *CancelledError) Error() string {
	return fmt.Sprintf("making instance %q was cancelled", e.Instance)
}

// Unwrap tells a cancel as contexts do.
func (e *CancelledError) Unwrap() error { return context.Canceled }

// resolve reads the version and settles everything that can be settled before anything is made.
func (b *build) resolve(ctx context.Context) (err error) {
	if b.blueprint, err = b.Blueprint(ctx, b.request); err != nil {
		return err
	}
	for i := range b.blueprint.NICs {
		if b.blueprint.NICs[i].MAC == "" {
			b.blueprint.NICs[i].MAC = randomMAC()
		}
	}
	base, err := b.library.Base(ctx, b.blueprint.Version.Digest)
	if err != nil {
		return err
	}
	volume, err := b.host.Volume(ctx, b.library.Pool(), base.Volume)
	if err != nil {
		return err
	}
	b.base = baseImage{volume, base.Format}
	b.pool, err = b.host.Pool(ctx, b.library.Pool())
	return err
}

// define defines the domain. Its name is the claim to the instance's name, so it comes before its disks.
func (b *build) define(ctx context.Context) error {
	if err := b.resolve(ctx); err != nil {
		return err
	}
	if err := b.clearRemains(ctx); err != nil {
		return err
	}
	domainType, err := b.domainTypeFor(ctx)
	if err != nil {
		return err
	}
	facts, err := b.facts(ctx)
	if err != nil {
		return err
	}
	b.uuid = randomUUID()
	spec := hypervisor.DomainSpec{
		Name: DomainName(b.tenant, b.request.Name), UUID: b.uuid, Description: b.request.Description, Type: domainType,
		Sockets: b.blueprint.Machine.Sockets, Cores: b.blueprint.Machine.Cores, CPU: b.blueprint.Machine.CPU,
		MemoryMiB: b.blueprint.Machine.MemoryMiB, Seed: b.path(seedVolume(b.tenant, b.request.Name)),
		ConsoleLog: b.path(consoleVolume(b.tenant, b.request.Name)), Metadata: facts,
	}
	for i, drive := range b.blueprint.Drives {
		spec.Disks = append(spec.Disks, hypervisor.DiskSpec{
			Name: drive.Name, Target: diskTarget(i), Path: b.path(b.diskVolume(drive)), Format: b.diskFormat(drive),
		})
	}
	for _, nic := range b.blueprint.NICs {
		spec.Interfaces = append(spec.Interfaces, hypervisor.InterfaceSpec{
			Name: nic.Name, Model: nic.Model, Network: nic.Network, Bridge: nic.Bridge, MAC: nic.MAC,
		})
	}
	if _, err = b.host.DefineDomain(whole(ctx), spec); errors.Is(err, hypervisor.ErrExists) {
		return b.nameTaken(spec.Name)
	}
	// Also after an error: the call may have been cut off after the host had done it.
	b.undoLater(func(ctx context.Context) error { return b.removeDomain(ctx, b.uuid, 0) })
	if err == nil && b.request.Autostart {
		err = b.host.SetAutostart(ctx, b.uuid, true)
	}
	return err
}

func (b *build) facts(ctx context.Context) (string, error) {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		deadline = now().Add(time.Hour)
	}
	known := map[string]string{}
	for name, value := range b.blueprint.Parameters {
		if value != nil {
			known[name] = *value
		}
	}
	return catalog.InstanceFacts{
		Tenant: b.tenant, Name: b.request.Name, Template: b.request.Template.String(), Version: b.request.Version,
		Digest: b.blueprint.Version.Digest, Strategy: b.blueprint.Strategy, Labels: catalog.Pairs(b.request.Labels),
		Parameters: catalog.Pairs(known), Protected: b.request.DeletionProtection,
		Customized: b.blueprint.customized(b.request.Running),
		Provision: catalog.ProvisionNote{
			Request: b.record.RequestID, RequestedBy: b.record.RequestedBy, Runner: thisRunner(),
			Started: b.record.StartedAt, Deadline: deadline.UTC(),
		},
	}.Marshal()
}

// makeDisks makes the system disk from the base and the others blank, and then makes sure of the base.
func (b *build) makeDisks(ctx context.Context) error {
	b.undoLater(func(ctx context.Context) error { return b.removeVolumes(ctx, b.tenant, b.request.Name) })
	// What an instance of the name that went without its volumes has left.
	if err := b.removeVolumes(ctx, b.tenant, b.request.Name); err != nil {
		return err
	}
	for _, drive := range b.blueprint.Drives {
		spec := hypervisor.VolumeSpec{Name: b.diskVolume(drive), Format: b.diskFormat(drive), Capacity: drive.Size}
		var err error
		switch {
		case !drive.System:
			_, err = b.host.CreateVolume(whole(ctx), b.pool.Name, spec)
		case b.blueprint.Strategy == catalog.LinkedClone:
			spec.Backing = &hypervisor.Backing{Path: b.base.volume.Path, Format: b.base.format}
			_, err = b.host.CreateVolume(whole(ctx), b.pool.Name, spec)
		default:
			_, err = b.host.CloneVolume(ctx, b.pool.Name, spec, b.pool.Name, b.base.volume.Name)
		}
		if err != nil {
			return err
		}
	}
	return b.confirmVersion(ctx)
}

// makeSeed renders what the guest is told and puts it where the guest finds it. It never touches the runner's disk.
func (b *build) makeSeed(ctx context.Context) error {
	seed := guest.Seed{InstanceID: b.uuid, Hostname: b.blueprint.Hostname(b.request.Name), Customization: b.blueprint.Customization}
	if key := catalog.Targeted(b.blueprint.Version.Spec.Parameters, b.blueprint.Parameters, catalog.TargetSSHKey); key != "" {
		seed.SSHAuthorizedKeys = []string{key}
	}
	for _, nic := range b.blueprint.NICs {
		seed.NetworkInterfaces = append(seed.NetworkInterfaces, guest.NetworkInterface{Name: nic.Name, MAC: nic.MAC})
	}
	files, err := seed.Render()
	if err != nil {
		return err
	}
	iso, err := files.ISO()
	if err != nil {
		return err
	}
	name := seedVolume(b.tenant, b.request.Name)
	size := uint64(len(iso))
	if _, err := b.host.CreateVolume(whole(ctx), b.pool.Name, hypervisor.VolumeSpec{Name: name, Format: "raw", Capacity: size, Allocation: size}); err != nil {
		return err
	}
	if err := b.host.WriteVolume(ctx, b.pool.Name, name, iso); err != nil {
		return err
	}
	_, err = b.host.CreateVolume(whole(ctx), b.pool.Name, hypervisor.VolumeSpec{Name: consoleVolume(b.tenant, b.request.Name), Format: "raw"})
	return err
}

// confirmVersion makes sure that nobody removed the version while its base got one more user.
func (b *build) confirmVersion(ctx context.Context) error {
	version, err := b.library.Version(ctx, b.blueprint.Version.ID)
	if err != nil {
		return err
	}
	if version.Deleting(now()) {
		return fmt.Errorf("version %q is being removed by somebody else just now: choose another version", version.ID)
	}
	return nil
}

func (b *build) start(ctx context.Context) error {
	return b.host.StartDomain(whole(ctx), b.uuid)
}

// whole is for short requests that change the host. One that is cut off goes on there all the same, and the undo might
// come before it.
func whole(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// complete notes that the instance is whole.
func (b *build) complete(ctx context.Context, instance Instance) error {
	facts, completed := instance.Facts, now()
	facts.Provision.Completed = &completed
	return b.writeFacts(ctx, b.uuid, facts)
}

func (b *build) path(volume string) string { return b.pool.Path + "/" + volume }

func (b *build) diskVolume(drive catalog.Drive) string {
	return diskVolume(b.tenant, b.request.Name, drive.Name, b.diskFormat(drive))
}

// diskFormat is qcow2, but for full clones, which keep their base's format.
func (b *build) diskFormat(drive catalog.Drive) string {
	if drive.System && b.blueprint.Strategy == catalog.Clone {
		return b.base.format
	}
	return "qcow2"
}
