package container

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/initd"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Redefine implements kind.Driver.
func (d *Driver) Redefine(ctx context.Context, i kind.Instance, b *kind.Blueprint, c host.DomainChange) error {
	if b != nil {
		own, m := definedOf(i), partOf(*b).machine
		if count, cores := vcpus(m), 1; own.vcpus != count || own.memoryMiB != m.MemoryMiB {
			c.Sockets, c.Cores, c.MemoryMiB = &count, &cores, &m.MemoryMiB
		}
	}
	return d.containers.RedefineDomain(ctx, i.UUID, c)
}

// Apply implements kind.Driver. The steps can be repeated after any of them has failed, and what the
// container is told is written last, before it starts.
func (d *Driver) Apply(ctx context.Context, i kind.Instance, diff kind.Diff, running bool) error {
	more, _ := diff.Part.(change)
	if err := d.changeDevices(ctx, i, diff.Devices); err != nil {
		return fmt.Errorf("changing the devices of instance %q: %w", i.Facts.Name, err)
	}
	for _, growth := range diff.Grows {
		if err := d.host.ResizeVolume(ctx, growth.Volume.Pool, growth.Volume.Name, "raw", growth.Size); err != nil {
			return fmt.Errorf("growing disk %q of instance %q: %w", growth.Disk.Name, i.Facts.Name, err)
		}
	}
	if len(diff.Grows) > 0 && running {
		if err := d.growNow(ctx, i); err != nil {
			return fmt.Errorf("growing the disks of instance %q: %w", i.Facts.Name, err)
		}
	}
	if more.memory {
		filesystem := memory(more.blueprint.Drives[0].Size)
		if err := d.redefine(ctx, i, host.DomainChange{SetFilesystems: []host.Filesystem{filesystem}}); err != nil {
			return err
		}
	}
	if !more.tell {
		return nil
	}
	if err := d.tell(ctx, i, more.blueprint); err != nil {
		return fmt.Errorf("telling instance %q what has changed: %w", i.Facts.Name, err)
	}
	return nil
}

func (d *Driver) redefine(ctx context.Context, i kind.Instance, c host.DomainChange) error {
	return step.Certainly(ctx, func(ctx context.Context) error { return d.containers.RedefineDomain(ctx, i.UUID, c) })
}

// changeDevices changes the devices of a container that is off.
func (d *Driver) changeDevices(ctx context.Context, i kind.Instance, devices kind.Devices) error {
	for _, disk := range devices.DropDisks {
		// The volume goes first, so that the next plan finds the disk if this is interrupted.
		pool, found, err := d.volumes.Of(ctx, disk)
		if err == nil && found {
			err = d.volumes.Remove(ctx, pool.Name, diskVolume(i.Facts.Tenant, i.Facts.Name, disk.Name))
		}
		if err == nil {
			err = d.redefine(ctx, i, host.DomainChange{RemoveFilesystem: disk.Target})
		}
		if err != nil {
			return fmt.Errorf("removing disk %q: %w", disk.Name, err)
		}
	}
	for _, name := range devices.DropNICs {
		n := slices.IndexFunc(i.NICs, func(h profile.NIC) bool { return h.Name == name })
		if n < 0 {
			continue
		}
		if err := d.redefine(ctx, i, host.DomainChange{RemoveInterface: i.NICs[n].MAC}); err != nil {
			return fmt.Errorf("removing interface %q: %w", name, err)
		}
	}
	for _, nic := range slices.Concat(devices.Reconnects, devices.AddNICs) {
		spec := interfaceSpec(nic)
		if err := d.redefine(ctx, i, host.DomainChange{SetInterface: &spec}); err != nil {
			return fmt.Errorf("connecting interface %q: %w", nic.Name, err)
		}
	}
	for _, disk := range devices.AddDisks {
		if err := d.addDisk(ctx, i, disk); err != nil {
			return fmt.Errorf("adding disk %q: %w", disk.Spec.Name, err)
		}
	}
	return nil
}

// addDisk creates a data disk, unless there is one that may have been used, and adds it to the definition.
func (d *Driver) addDisk(ctx context.Context, i kind.Instance, k kind.NewDisk) error {
	volume := diskVolume(i.Facts.Tenant, i.Facts.Name, k.Spec.Name)
	used := false
	if k.Has > 0 {
		var err error
		if used, err = d.used(ctx, k.Pool, volume); err != nil {
			return err
		}
	}
	switch {
	case !used:
		if err := d.volumes.Remove(ctx, k.Pool, volume); err != nil {
			return err
		}
		err := d.makeEmpty(ctx, []disk{{k.Pool, volume, k.Size}}, func(_, _ string, create func() error) error {
			return create()
		})
		if err != nil {
			return err
		}
	case k.Size > k.Has:
		if err := d.host.ResizeVolume(ctx, k.Pool, volume, "raw", k.Size); err != nil {
			return err
		}
	}
	filesystem := diskAt(k.Spec.Name, k.Spec.Path)
	return d.redefine(ctx, i, host.DomainChange{SetFilesystems: []host.Filesystem{filesystem}})
}

// used reports whether a volume may hold data. It does not if it begins with zeros, or with a file system of
// makeEmpty that nothing has mounted, checked or written to since: that may be incomplete, too. What is no
// file system of ext4 is an error.
func (d *Driver) used(ctx context.Context, pool, volume string) (bool, error) {
	// Offsets in the superblock: https://docs.kernel.org/filesystems/ext4/super.html.
	const (
		beginning, superblock                                      = 128 << 10, 1024
		mountedAt, writtenAt, mountsAt, magicAt, checkedAt, madeAt = 0x2c, 0x30, 0x34, 0x38, 0x40, 0x108
		labelAt, labelSize, magic                                  = 0x78, 16, 0xef53
	)
	text, err := d.host.ReadVolumeAt(ctx, pool, volume, 0, beginning)
	if err != nil {
		return false, err
	}
	if len(text) < beginning {
		return false, fmt.Errorf("reading volume %q in pool %q: it ends after %d bytes", volume, pool, len(text))
	}
	super := text[superblock:]
	switch {
	case binary.LittleEndian.Uint16(super[magicAt:]) == magic:
		touched := binary.LittleEndian.Uint16(super[mountsAt:]) > 0
		for _, at := range []int{mountedAt, writtenAt, checkedAt, madeAt} { // times; makeEmpty writes none
			touched = touched || binary.LittleEndian.Uint32(super[at:]) > 0
		}
		return touched || string(bytes.TrimRight(super[labelAt:labelAt+labelSize], "\x00")) != diskLabel, nil
	case bytes.Count(text, []byte{0}) == len(text):
		return false, nil
	}
	return false, fmt.Errorf("volume %q in pool %q has the name of the disk, and holds something else than a file "+
		"system of ext4: look at it, and rename or remove it", volume, pool)
}

// tell writes what the container is told when it starts, and has it run the nova-init that understands
// it.
func (d *Driver) tell(ctx context.Context, i kind.Instance, b kind.Blueprint) error {
	pool, err := d.host.Pool(ctx, d.volumes.Pool())
	if err != nil {
		return err
	}
	program, err := d.inits.path(ctx, pool)
	if err != nil {
		return err
	}
	if program != definedOf(i).program {
		filesystem := programAt(program)
		if err := d.redefine(ctx, i, host.DomainChange{SetFilesystems: []host.Filesystem{filesystem}}); err != nil {
			return err
		}
	}
	name := naming.Configuration(i.Facts.Tenant, i.Facts.Name)
	volume, err := d.host.Volume(ctx, pool.Name, name)
	if errors.Is(err, host.ErrNoVolume) {
		err = d.volumes.Create(ctx, pool.Name, host.VolumeSpec{
			Name: name, Format: "raw", Capacity: configSize, Mode: 0o600,
		})
		volume.Capacity = configSize
	}
	if err != nil {
		return err
	}
	part := *partOf(b)
	if part.system && part.seeded { // what the template's cloud_init was is not among the metadata
		before, err := d.configuration(ctx, i)
		if err != nil {
			return err
		}
		if before.Version == 0 {
			return fmt.Errorf("the volume %q cannot be read, which alone has the cloud_init of instance %q: replace "+
				"the instance", name, i.Facts.Name)
		}
		part.UserData = string(before.Seed["vendor-data"])
	}
	text, err := part.tell(b, i.UUID, i.Facts.Name, definedOf(i).devices, volume.Capacity)
	if err != nil {
		return err
	}
	return d.write(ctx, pool.Name, name, volume.Capacity, text)
}

// write replaces all that a volume of that size holds, which grows if it has to.
func (d *Driver) write(ctx context.Context, pool, name string, has uint64, text []byte) error {
	if uint64(len(text)) > has {
		if err := d.host.ResizeVolume(ctx, pool, name, "raw", uint64(len(text))); err != nil {
			return err
		}
	}
	return d.host.WriteVolume(ctx, pool, name, text)
}

// rewrite gives a volume back what it held, of which nothing is behind it: the volume may have grown.
func (d *Driver) rewrite(ctx context.Context, pool, name string, text []byte) error {
	volume, err := d.host.Volume(ctx, pool, name)
	if err != nil {
		return err
	}
	rest := max(volume.Capacity, uint64(len(text))) - uint64(len(text))
	return d.host.WriteVolume(ctx, pool, name, slices.Concat(text, make([]byte, rest)))
}

// GrowError says that a container that runs did not take the new size of a disk. It takes it when it
// starts.
type GrowError struct {
	Disk string // "" for the system disk
	Why  string
}

func (e *GrowError) Error() string {
	name := e.Disk
	if name == "" {
		name = "system"
	}
	return fmt.Sprintf("the running container did not grow the file system of disk %q: %s. It does when it is started "+
		"again", name, e.Why)
}

// growPatience is how long a running container may take to grow its file systems.
const growPatience = 30 * time.Second

// growNow has a running container grow its file systems to the size of their volumes.
func (d *Driver) growNow(ctx context.Context, i kind.Instance) error {
	var request uint64
	if err := d.retell(ctx, i, func(c *initd.Config) {
		c.Request++
		request = c.Request
	}); err != nil {
		return err
	}
	asked := time.Now()
	// libvirt may not know the process of a container that runs, which then looks by itself.
	err := d.containers.SignalContainer(ctx, i.UUID, host.SignalHangUp)
	if err != nil && !errors.Is(err, host.ErrOperationInvalid) {
		return err
	}
	for {
		status, err := d.status(ctx, i)
		if err != nil && !unreported(err) {
			return err
		}
		if err == nil && status.Request == request {
			for _, disk := range status.Disks {
				if disk.Error != "" {
					return &GrowError{disk.Name, disk.Error}
				}
			}
			return nil
		}
		state, err := d.containers.DomainState(ctx, i.UUID)
		if err != nil {
			return err
		}
		if state != host.StateRunning { // its next start grows them
			return nil
		}
		if time.Since(asked) > growPatience {
			return &GrowError{Why: fmt.Sprintf("it has not answered for %s", growPatience)}
		}
		if err := kind.Pause(ctx, kind.Poll); err != nil {
			return err
		}
	}
}

// retell changes what a running container is told.
func (d *Driver) retell(ctx context.Context, i kind.Instance, change func(*initd.Config)) error {
	name := naming.Configuration(i.Facts.Tenant, i.Facts.Name)
	text, err := d.host.ReadVolume(ctx, d.volumes.Pool(), name, configLimit)
	if err != nil {
		return err
	}
	config, err := initd.ParseConfig(text)
	if err != nil {
		return err
	}
	change(&config)
	again, err := told(config, uint64(len(text)), config.Revision, config.Request)
	if err != nil {
		return err
	}
	return d.write(ctx, d.volumes.Pool(), name, uint64(len(text)), again)
}
