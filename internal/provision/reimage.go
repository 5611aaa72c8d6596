package provision

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// seedLimit is how many bytes of a seed are kept for the undo; a seed is some hundred KiB.
const seedLimit = 64 << 20

// CompareForReimage is Compare for an instance that is to get the system disk of another version: that disk has no size
// to keep, and what works at first boot works once more.
func (p *Provisioner) CompareForReimage(ctx context.Context, i Instance, b Blueprint) (Diff, finding.List, error) {
	i.Facts.Customized.Digest = b.Customization.Digest()
	d, fs, err := p.Compare(ctx, i, b)
	system := finding.At("storage_profile").Name("disks").Key(b.Drives[0].Name)
	fs = slices.DeleteFunc(fs, func(f finding.Finding) bool {
		return f.Path.String() == system.String() || f.Path.String() == system.Name("size_gb").String()
	})
	return d, fs, err
}

// Reimage gives an instance the system disk of another version. The domain keeps its UUID, its MAC addresses and its other
// disks; parameters and customization work once more, as at every first boot. Then it is Update. A failure before the new disk
// is in the definition leaves everything as it was; the next Update finishes what a later one left.
func (p *Provisioner) Reimage(ctx context.Context, uuid string, r Request) (Instance, Record, error) {
	defer p.statuses.forget()
	before, err := p.Read(ctx, uuid)
	if err != nil {
		return before, Record{}, err
	}
	b := &build{Provisioner: p, request: r, tenant: before.Facts.Tenant, uuid: uuid, Work: p.work(r.Name)}
	after, err := b.recorded(ctx, catalog.ActionReimage, func() (after Instance, err error) {
		if before.Facts.Version != r.Version {
			return b.reimage(ctx, before)
		}
		// What was not known while planning comes to what there is.
		if b.blueprint, err = p.BlueprintOf(ctx, before, r); err != nil {
			return before, err
		}
		return b.update(ctx)
	})
	return after, b.record, err
}

func (b *build) reimage(ctx context.Context, before Instance) (Instance, error) {
	var disk host.DiskImage
	for _, s := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"disks", func(ctx context.Context) (err error) { disk, err = b.makeSystemDisk(ctx, before); return err }},
		{"shutdown", func(ctx context.Context) error { return b.shutDown(ctx, before) }},
		{"seed", func(ctx context.Context) error { return b.replaceSeed(ctx, before) }},
	} {
		if err := b.Do(ctx, s.name, s.do); err != nil {
			return before, b.End(ctx, b.reimageFailed(s.name, err))
		}
	}
	if err := b.Do(ctx, "define", func(ctx context.Context) error { return b.swap(ctx, before, disk) }); err != nil {
		if step.MayBeDone(err) { // undoing would take away what may be the instance's disk; the next reimage finds out
			b.Keep()
		}
		return before, b.End(ctx, b.reimageFailed("define", err))
	}
	after := before
	err := b.Do(ctx, "start", func(ctx context.Context) (err error) {
		after, err = b.update(ctx)
		return err
	})
	return after, err
}

func (b *build) reimageFailed(name string, err error) error {
	return fmt.Errorf("giving instance %q the image of version %s, step %s: %w", b.request.Name, b.request.Version, name, err)
}

func (b *build) update(ctx context.Context) (Instance, error) {
	return b.Update(ctx, b.uuid, Change{Description: b.request.Description, Blueprint: &b.blueprint, AllowRestart: true, Options: b.request.Options})
}

// makeSystemDisk makes the new system disk beside the old one, under a name of its own.
func (b *build) makeSystemDisk(ctx context.Context, before Instance) (host.DiskImage, error) {
	if err := b.resolve(ctx); err != nil {
		return host.DiskImage{}, err
	}
	if err := b.reimagable(ctx, before); err != nil {
		return host.DiskImage{}, err
	}
	system, home := b.blueprint.Drives[0], b.homes[0]
	volume := b.reimagedVolume(system)
	disk := host.DiskImage{Name: before.Disks[0].Name, Path: home.Path + "/" + volume, Format: b.diskFormat(system)}
	// What a try that died has left. The definition names it only once it is the instance's disk.
	remove := func(ctx context.Context) error { return b.volumes.Remove(ctx, home.Name, volume) }
	if err := remove(ctx); err != nil {
		return disk, err
	}
	b.UndoLater(remove)
	if err := b.makeDisk(ctx, system, home.Name, volume); err != nil {
		return disk, err
	}
	return disk, b.confirmVersion(ctx)
}

// reimagable refuses what only another instance could have. A plan says so; but it knows nothing of a version that comes
// with the same apply.
func (b *build) reimagable(ctx context.Context, before Instance) error {
	diff, findings, err := b.CompareForReimage(ctx, before, b.blueprint)
	if err != nil {
		return err
	}
	for _, at := range diff.Replaces {
		findings.Add(at, "Change requires a new instance", fmt.Sprintf("Instance %[2]q cannot change to what version %[1]q "+
			"asks for. Plan again: now that the version exists, the plan shows what "+
			"that means. Nothing was changed.", b.blueprint.Version.ID, b.request.Name))
	}
	return findings.Err()
}

// reimagedVolume is the volume of a system disk that was made after the instance; the version tells it from the others.
func (b *build) reimagedVolume(system profile.Drive) string {
	return naming.Disk(b.tenant, b.request.Name, system.Name+"."+b.request.Version, b.diskFormat(system))
}

// shutDown shuts the guest down, and would bring it back.
func (b *build) shutDown(ctx context.Context, before Instance) error {
	if !before.Running() {
		return nil
	}
	b.UndoLater(func(ctx context.Context) error {
		_, err := b.bringUp(ctx, before)
		return err
	})
	return b.powerOff(ctx, b.uuid, shutdownTime(ctx))
}

// replaceSeed replaces the seed. Its volume is as large as a seed is, so it is another one.
func (b *build) replaceSeed(ctx context.Context, before Instance) error {
	b.blueprint.NICs = withMACs(b.blueprint.NICs, before)
	iso, err := b.blueprint.seed(b.uuid, b.request.Name)
	if err != nil {
		return err
	}
	name := naming.Seed(b.tenant, b.request.Name)
	old, err := b.host.ReadVolume(ctx, b.pool.Name, name, seedLimit)
	if err != nil && !errors.Is(err, host.ErrNoVolume) {
		return err
	}
	replace := func(ctx context.Context, with []byte) error {
		if err := b.volumes.Remove(ctx, b.pool.Name, name); err != nil {
			return err
		}
		return b.putSeed(ctx, with)
	}
	if len(old) > 0 {
		b.UndoLater(func(ctx context.Context) error { return replace(ctx, old) })
	}
	return replace(ctx, iso)
}

// withMACs are network cards with the addresses that those of their names have, or had before they were taken away. New
// ones get theirs here, since the seed tells the guest of them.
func withMACs(nics []profile.NIC, i Instance) []profile.NIC {
	nics = slices.Clone(nics)
	for n := range nics {
		nic := &nics[n]
		if h := slices.IndexFunc(i.NICs, func(h profile.NIC) bool { return h.Name == nic.Name }); h >= 0 {
			nic.MAC = i.NICs[h].MAC
		} else if nic.MAC == "" {
			nic.MAC = metadata.NotedMAC(i.Facts.MACs, nic.Name)
		}
		if nic.MAC == "" {
			nic.MAC = randomMAC()
		}
	}
	return nics
}

// swap puts the new disk into the definition, with what the instance is from now on.
func (b *build) swap(ctx context.Context, before Instance, disk host.DiskImage) error {
	if err := b.confirmVersion(ctx); err != nil {
		return err
	}
	if err := b.host.DiscardSavedState(ctx, b.uuid); err != nil { // it is of the old disk
		return err
	}
	facts, completed := before.Facts, now()
	facts.Version, facts.Digest = b.request.Version, b.blueprint.Version.Digest
	frozen, err := metadata.Freeze(b.blueprint.Version)
	if err != nil {
		return err
	}
	facts.Frozen = frozen
	facts.Parameters, facts.SecretSeed = metadata.Settings(b.blueprint.Shown), b.blueprint.secret()
	facts.Customized, facts.Addressing = b.blueprint.customized(false), metadata.NoteAddressing(b.blueprint.NICs)
	facts.Provision = metadata.ProvisionNote{
		Request: b.record.RequestID, RequestedBy: b.record.RequestedBy, Started: b.record.StartedAt, Completed: &completed,
	}
	metadata, err := facts.Marshal()
	if err != nil {
		return err
	}
	change := host.DomainChange{Metadata: &metadata, Disk: &disk}
	return step.Certainly(ctx, func(ctx context.Context) error { return b.host.RedefineDomain(ctx, b.uuid, change) })
}

// removeOldDisks removes the system disks that a reimaged instance had before, also those whose removal was cut off. A
// system disk with another name than a reimage gives it is a snapshot that a user made, which the older ones are part of.
func (p *Provisioner) removeOldDisks(ctx context.Context, i Instance) error {
	if len(i.Disks) == 0 {
		return nil
	}
	system := i.Disks[0]
	current := path.Base(system.Path)
	if current != naming.Disk(i.Facts.Tenant, i.Facts.Name, system.Name+"."+i.Facts.Version, system.Format) {
		return nil
	}
	pool, found, err := p.volumes.Of(ctx, system)
	if err != nil || !found {
		return err
	}
	names, err := p.host.VolumeNames(ctx, pool.Name)
	if err != nil {
		return err
	}
	prefix := naming.Disk(i.Facts.Tenant, i.Facts.Name, system.Name, "")
	for _, name := range names {
		if strings.HasPrefix(name, prefix) && name != current {
			if err := p.volumes.Remove(ctx, pool.Name, name); err != nil {
				return err
			}
		}
	}
	return nil
}
