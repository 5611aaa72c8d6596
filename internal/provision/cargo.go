package provision

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2"
	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2/overlay"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Cargo is what another host gets of an instance that moves there.
type Cargo struct {
	Instance  kind.Instance
	Blueprint kind.Blueprint // what it is to be on the other host
	parts     []part
	cpu       string // of the domain, as in host.DomainSpec
	emulated  bool   // so the processor of its host does not matter
	live      *live  // nil if the guest is off while it moves
}

// part is a volume of the instance.
type part struct {
	path         string // on the host that has the instance
	pool, volume string
	tier         string // of the pool; "" for the library's
	target       string // of a disk or medium, such as "vda"; "" for a log
	format       string // of a disk; "" for what no guest writes to
	over         bool   // it stands on the image of the instance's version
	allocated    uint64 // bytes
	// shared says that other instances have the file, too, so it is not copied.
	shared shared
}

// shared is a file that instances share.
type shared int

const (
	ownFile      shared = iota // of this instance alone
	sharedImage                // the image of the version
	sharedByKind               // of all instances of the kind: see kind.Mover
)

// Bytes is how much of the instance's volumes there is at least to copy.
func (c Cargo) Bytes() (sum uint64) {
	for _, p := range c.parts {
		sum += p.allocated
	}
	return sum
}

// stands reports whether the instance stands on the image of its version.
func (c Cargo) stands() bool {
	return slices.ContainsFunc(c.parts, func(p part) bool { return p.over || p.shared == sharedImage })
}

// own are the volumes of the instance alone.
func (c Cargo) own() []part {
	return slices.DeleteFunc(slices.Clone(c.parts), func(p part) bool { return p.shared != ownFile })
}

// Cargo finds out what another host would get of an instance, which it is to have as the blueprint says.
// A finding says why it cannot be moved.
func (p *Provisioner) Cargo(ctx context.Context, i kind.Instance, b kind.Blueprint) (Cargo, error) {
	c := Cargo{Instance: i, Blueprint: b}
	driver, err := p.kinds.of(i.Type)
	if err != nil {
		return c, err
	}
	if !driver.Capabilities().Move {
		return c, immovable(i, fmt.Sprintf("instances of templates of the type %q cannot be moved", i.Type))
	}
	domain, err := driver.Domains().DomainWith(ctx, i.UUID, host.Status{State: i.State})
	if err != nil {
		return c, err
	}
	if len(domain.Passthrough) > 0 {
		return c, immovable(i, "it has devices of its host, such as GPUs")
	}
	if !i.Running() {
		saved, err := driver.Domains().HasSavedState(ctx, i.UUID)
		if err != nil {
			return c, err
		}
		if saved {
			return c, immovable(i, "its host keeps the memory of its guest (virsh managedsave): start it first")
		}
	}
	c.cpu, c.emulated = domain.CPU, domain.Type == "qemu"
	for _, disk := range domain.Disks {
		part, err := p.partOf(ctx, c, disk)
		if err != nil {
			return c, err
		}
		if part.volume != "" {
			c.parts = append(c.parts, part)
		}
	}
	for _, f := range domain.Filesystems {
		if f.Kind == host.FilesystemRAM {
			continue
		}
		part, err := p.fileOf(ctx, c, driver, f)
		if err != nil {
			return c, err
		}
		c.parts = append(c.parts, part)
	}
	err = p.addConsole(ctx, &c, driver)
	return c, err
}

// fileOf is a file that is mounted into a container.
func (p *Provisioner) fileOf(
	ctx context.Context, c Cargo, driver kind.Driver, f host.Filesystem,
) (part, error) {
	name := path.Base(f.Source)
	prefixes := naming.InstancePrefixes(c.Instance.Facts.Tenant, c.Instance.Facts.Name)
	if driver.Provides(f.Source) {
		return part{path: f.Source, volume: name, shared: sharedByKind}, nil
	}
	if !slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
		base, err := p.library.Images.Base(ctx, c.Instance.Facts.Digest)
		if err != nil {
			return part{}, err
		}
		image, err := p.library.Images.Volume(ctx, base)
		if err == nil && image.Path != f.Source {
			err = immovable(c.Instance, fmt.Sprintf("%q, which is mounted at %s, was not made by novacron", f.Source,
				f.Target))
		}
		return part{path: f.Source, volume: name, shared: sharedImage}, err
	}
	disk := host.DomainDisk{Name: name, Path: f.Source, Format: "raw"}
	pool, err := p.volumes.With(ctx, disk)
	if err != nil {
		return part{}, err
	}
	v, err := p.host.Volume(ctx, pool.Name, name)
	if err != nil {
		return part{}, err
	}
	found := part{path: f.Source, pool: pool.Name, volume: name, target: f.Target, allocated: v.Allocation}
	found.tier, err = p.volumes.Tier(ctx, disk, usualTier(c.Blueprint, f.Target))
	return found, err
}

// usualTier is the tier of the drive that is mounted for a container at a target.
func usualTier(b kind.Blueprint, target string) string {
	if target == "/" && len(b.Drives) > 0 {
		return b.Drives[0].Tier
	}
	return tierOf(b, path.Base(target))
}

// immovable is the finding that an instance cannot be moved.
func immovable(i kind.Instance, why string) error {
	return finding.List{{Path: finding.At("placement"), Summary: "Instance cannot be moved",
		Detail: fmt.Sprintf("Instance %q cannot be moved to another host: %s. Allow its host, or replace the instance "+
			"(on_host_change = \"replace\"), which loses its disks.", i.Facts.Name, why)}}
}

// partOf is the volume of a disk or medium; the zero part for an empty drive.
func (p *Provisioner) partOf(ctx context.Context, c Cargo, disk host.DomainDisk) (part, error) {
	if disk.CDROM && disk.Path == "" && disk.Volume == "" {
		return part{}, nil
	}
	prefixes := naming.InstancePrefixes(c.Instance.Facts.Tenant, c.Instance.Facts.Name)
	volume := path.Base(disk.Path)
	own := slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(volume, prefix) })
	if !own || !disk.CDROM && disk.Name == "" {
		return part{}, immovable(c.Instance, fmt.Sprintf("its disk %s, %q, was not made by novacron", disk.Target,
			disk.Path+disk.Volume))
	}
	pool, err := p.volumes.With(ctx, disk)
	if err != nil {
		return part{}, err
	}
	v, err := p.host.Volume(ctx, pool.Name, volume)
	if err != nil {
		return part{}, err
	}
	found := part{path: disk.Path, pool: pool.Name, volume: volume, target: disk.Target, allocated: v.Allocation}
	if !disk.CDROM {
		found.format = disk.Format
	}
	if found.tier, err = p.volumes.Tier(ctx, disk, tierOf(c.Blueprint, disk.Name)); err != nil {
		return part{}, err
	}
	if disk.CDROM || disk.Format == string(image.FormatRaw) {
		return found, nil
	}
	found.over, err = p.overImage(ctx, c, v)
	return found, err
}

// tierOf is the tier of a drive of a blueprint.
func tierOf(b kind.Blueprint, drive string) string {
	for _, d := range b.Drives {
		if d.Name == drive {
			return d.Tier
		}
	}
	return ""
}

// overImage reports whether a disk stands on the image of the instance's version. It refuses a disk that
// needs anything else.
func (p *Provisioner) overImage(ctx context.Context, c Cargo, v host.Volume) (bool, error) {
	head, err := p.host.ReadVolumeAt(ctx, v.Pool, v.Name, 0, overlay.ClusterSize)
	if err != nil {
		return false, err
	}
	links, err := qcow2.ReadLinks(image.Volume(v.Pool, v.Name), bytes.NewReader(head))
	if err != nil {
		return false, err
	}
	switch {
	case links.Snapshots > 0:
		return false, immovable(c.Instance, fmt.Sprintf("its volume %q has snapshots: delete them first", v.Name))
	case links.Data:
		return false, immovable(c.Instance, fmt.Sprintf("its volume %q has its data in another file", v.Name))
	case links.Backing == "":
		return false, nil
	case naming.IsWarmDisk(path.Base(links.Backing)):
		return false, immovable(c.Instance, "it was resumed from a warm snapshot, and its system disk stands on that "+
			"of the snapshot, which only its host has")
	}
	base, err := p.library.Images.Base(ctx, c.Instance.Facts.Digest)
	if err != nil {
		return false, err
	}
	below, err := p.library.Images.Volume(ctx, base)
	if err != nil {
		return false, err
	}
	if below.Path != links.Backing {
		return false, immovable(c.Instance, fmt.Sprintf("its volume %q stands on %q, which is not the image of "+
			"version %q", v.Name, links.Backing, c.Blueprint.Version.ID))
	}
	return true, nil
}

// addConsole adds what the guest has written to its console.
func (p *Provisioner) addConsole(ctx context.Context, c *Cargo, driver kind.Driver) error {
	if !driver.Capabilities().Console {
		return nil
	}
	name := naming.Console(c.Instance.Facts.Tenant, c.Instance.Facts.Name)
	if slices.ContainsFunc(c.parts, func(p part) bool { return p.volume == name }) {
		return nil
	}
	v, err := p.host.Volume(ctx, p.library.Pool(), name)
	if errors.Is(err, host.ErrNoVolume) {
		return nil
	}
	if err == nil {
		c.parts = append(c.parts, part{path: v.Path, pool: v.Pool, volume: name, allocated: v.Allocation})
	}
	return err
}
