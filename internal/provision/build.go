package provision

import (
	"context"
	"errors"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/library/requests"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
	"github.com/novacron/terraform-provider-novacron/internal/strategy"
)

// build is one instance that is being created, or given another image.
type build struct {
	kind.Build
	p      *Provisioner
	driver kind.Driver
	base   catalog.Base // the stored image
	record Record
	entry  requests.Entry // the record in the catalog
	// snapshot is the key of the snapshot that the guest is to be resumed from.
	snapshot string
	noted    bool // that the guest could not be resumed
}

// build starts work on a request.
func (p *Provisioner) build(r kind.Request, tenant string) *build {
	b := &build{p: p, Build: kind.Build{Request: r, Tenant: tenant}}
	b.Confirm = b.confirmVersion
	b.Work = step.Begin(func(ctx context.Context, s step.Step, err error) {
		if p.observe != nil {
			p.observe(ctx, r.Name, s, err)
		}
	})
	return b
}

// resolve reads the version and decides everything that can be decided before anything is created.
func (b *build) resolve(ctx context.Context) (err error) {
	if b.Blueprint, err = b.p.Blueprint(ctx, b.Request); err != nil {
		return err
	}
	if b.driver, err = b.p.kinds.of(b.Blueprint.Type); err != nil {
		return err
	}
	if b.Strategy, err = strategy.Of(b.Blueprint.Strategy); err != nil {
		return err
	}
	if b.Request.WaitDefault {
		b.Request.WaitFor = b.driver.Awaits(b.Blueprint)
	}
	image, err := b.p.sources.image(ctx, b.Blueprint.Version)
	if errors.Is(err, catalog.ErrNotFound) {
		return b.p.library.Images.NoImage(b.Blueprint.Version)
	}
	if err != nil {
		return err
	}
	b.base, b.Image = image.base, kind.Image{Volume: image.volume, Format: image.base.Format}
	if b.Pool, err = b.p.sources.pool(ctx, b.p.library.Pool()); err != nil {
		return err
	}
	b.Homes = make([]host.Pool, len(b.Blueprint.Drives))
	for i, drive := range b.Blueprint.Drives {
		b.Homes[i] = b.Pool
		if drive.Tier == "" {
			continue
		}
		if b.Homes[i], err = b.p.sources.pool(ctx, b.p.volumes.TierPool(drive.Tier)); err != nil {
			return err
		}
	}
	return b.resumable(ctx)
}

// replicate copies the image to this host, if the host does not have it and another one may. That is
// a step of its own, which takes as long as the image is large.
func (b *build) replicate(ctx context.Context) error {
	if !b.p.library.Spread() {
		return nil
	}
	blueprint, err := b.p.Blueprint(ctx, b.Request)
	if err != nil {
		return err
	}
	if _, err := b.p.sources.stored(ctx, blueprint.Version); !b.p.sources.lacks(err) {
		return err
	}
	return b.Do(ctx, "replicate", func(ctx context.Context) error {
		b.announce(ctx) // it takes long
		return b.p.sources.replicate(ctx, blueprint.Version)
	})
}

// define defines the domain. The domain's name claims the instance's name, so it comes before the
// disks.
func (b *build) define(ctx context.Context) error {
	if err := b.resolve(ctx); err != nil {
		return err
	}
	if b.long() {
		b.announce(ctx)
	}
	b.ChooseMACs()
	var err error
	if b.Metadata, err = b.facts(ctx); err != nil {
		return err
	}
	b.UUID = kind.RandomUUID()
	// A definition that failed may have left a domain all the same. No other domain has its UUID.
	b.UndoLater(func(ctx context.Context) error { return b.p.removeDomain(ctx, b.driver, b.UUID) })
	err = b.p.library.Removals.WhileTaken(ctx, func() error { return b.claim(ctx) })
	b.Claimed = err == nil
	if err == nil && b.Request.Autostart {
		err = step.Completed(ctx, func(ctx context.Context) error {
			return b.driver.Domains().SetAutostart(ctx, b.UUID, true)
		})
	}
	return err
}

// claim claims the instance's name. What a dead create has left makes way, even if the domain lacks
// not the name but, say, a GPU that the remains hold.
func (b *build) claim(ctx context.Context) error {
	err := b.p.library.Images.UsePool(ctx)
	if err == nil {
		err = b.p.unused(ctx, b.Tenant, b.Request.Name)
	}
	if err != nil {
		return err
	}
	err = b.defineWithin(ctx)
	if _, unfit := errors.AsType[*unfitError](err); err == nil || unfit || step.MayBeDone(err) || ctx.Err() != nil {
		return err
	}
	b.announce(ctx) // it may have to wait
	if err := b.clearRemains(ctx); err != nil {
		return err
	}
	if err = b.defineWithin(ctx); errors.Is(err, host.ErrExists) {
		return b.p.nameTaken(b.Tenant, b.Request.Name)
	}
	return err
}

// elsewhere returns host.ErrExists if another connection of the host has a domain of the instance's
// name: a connection refuses only the names of its own domains.
func (b *build) elsewhere(ctx context.Context) error {
	for _, d := range b.p.kinds {
		if d.Type() == b.driver.Type() {
			continue
		}
		_, err := d.Domains().DomainByName(ctx, naming.Domain(b.Tenant, b.Request.Name))
		if err == nil {
			return host.ErrExists
		}
		if host.Driverless(err) {
			b.Doubt = err
		}
		if !errors.Is(err, host.ErrNoDomain) {
			return err
		}
	}
	return nil
}

// defineDomain defines the domain while no orphaned volumes of its name are being removed.
func (b *build) defineDomain(ctx context.Context) error {
	b.p.orphans.RLock()
	defer b.p.orphans.RUnlock()
	if err := b.elsewhere(ctx); err != nil {
		return err
	}
	if err := b.driver.Define(ctx, &b.Build); err != nil {
		return err
	}
	// Of two definitions of one name that are made at once, the later of these looks sees both.
	err := b.elsewhere(ctx)
	if errors.Is(err, host.ErrExists) {
		undo, cancel := step.UndoContext(ctx)
		defer cancel()
		err = errors.Join(err, b.p.removeDomain(undo, b.driver, b.UUID))
	}
	return err
}

// confirmVersion checks that the version was not removed while its base gained another user.
// Instances that are created together share a look that begins once their disks are there.
func (b *build) confirmVersion(ctx context.Context) error {
	what := standing{
		version: b.Blueprint.Version.ID, digest: b.base.Digest, volume: b.base.Volume, held: b.Strategy.HoldsBase(),
	}
	if b.Resume != nil {
		what.stem = b.Resume.Snapshot.Stem
	}
	_, err := b.p.standing.Do(ctx, what, func() (struct{}, error) {
		err := b.p.library.Stands(ctx, what.version)
		if err == nil && what.held {
			err = b.p.library.Images.Holds(ctx, what.version, b.base)
		}
		if err == nil && what.stem != "" {
			err = b.p.library.Images.Warm().Stands(ctx, b.snapshot, b.Resume.Snapshot)
		}
		return struct{}{}, err
	})
	return err
}

// standing is what an instance needs to stand: its version and, if the disk is based on it, the
// image; or, if the guest is resumed, on the snapshot.
type standing struct {
	version        catalog.VersionID
	digest, volume string // of the image
	held           bool
	stem           string // of the snapshot, "" for none
}

// clock is the time by which creates of instances are judged: that of the library's pool.
func (b *build) clock(ctx context.Context) (time.Time, error) { return b.p.host.Time(ctx, b.Pool.Name) }

// facts are the metadata of a new instance.
func (b *build) facts(ctx context.Context) (string, error) {
	now, err := b.clock(ctx)
	if err != nil {
		return "", err
	}
	work := lease.New(ctx, now)
	frozen, err := metadata.Freeze(b.Blueprint.Version)
	if err != nil {
		return "", err
	}
	_, description := metadata.Described(b.Request.Description)
	mark, err := b.p.library.Images.Mark(ctx)
	if err != nil {
		return "", err
	}
	var pools []string
	if b.Resume != nil { // the definition does not have all disks yet
		pools = b.Pools()[1:]
	}
	facts := metadata.Facts{
		Pools:       pools,
		Description: description,
		Frozen:      frozen,
		Library:     b.p.library.Pool(),
		Catalog:     mark,
		Tenant:      b.Tenant,
		Name:        b.Request.Name,
		Template:    b.Request.Template.String(),
		Version:     b.Request.Version,
		Digest:      b.Blueprint.Version.Digest,
		Strategy:    b.Blueprint.Strategy,
		Labels:      metadata.Pairs(b.Request.Labels),
		Parameters:  metadata.Settings(b.Blueprint.Shown),
		Protected:   b.Request.DeletionProtection,
		SecretSeed:  b.Blueprint.Secret(),
		Customized:  b.Blueprint.Customized(b.Request.Running),
		Addressing:  metadata.NoteAddressing(b.Blueprint.NICs),
		MACs:        metadata.NoteMACs(b.Blueprint.NICs),
		Sizes:       metadata.SizesOf(b.Blueprint.Drives),
		Provision: metadata.ProvisionNote{
			Request: b.record.RequestID, RequestedBy: b.record.RequestedBy,
			Runner: work.Holder, Started: work.Since, Deadline: work.Deadline,
		},
	}
	b.Blueprint.Note(&facts)
	return facts.Marshal()
}
