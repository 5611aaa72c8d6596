package vm

import (
	"context"
	"fmt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// Redefine implements kind.Driver.
func (d *Driver) Redefine(
	ctx context.Context, i kind.Instance, b *kind.Blueprint, change host.DomainChange,
) error {
	if b != nil {
		if m := PartOf(*b).Machine; !sameSize(MachineOf(i), m) {
			change.Sockets, change.Cores, change.MemoryMiB = &m.Sockets, &m.Cores, &m.MemoryMiB
		}
	}
	return d.host.RedefineDomain(ctx, i.UUID, change)
}

// Apply implements kind.Driver.
func (d *Driver) Apply(ctx context.Context, i kind.Instance, diff kind.Diff, running bool) error {
	if err := d.devices.Change(ctx, i, diff.Devices); err != nil {
		return fmt.Errorf("changing the devices of instance %q: %w", i.Facts.Name, err)
	}
	for _, growth := range diff.Grows {
		if err := d.grow(ctx, i.UUID, running, growth); err != nil {
			return fmt.Errorf("growing disk %q of instance %q: %w", growth.Disk.Name, i.Facts.Name, err)
		}
	}
	return nil
}

// grow grows a disk through the guest's own QEMU while it runs, so that the guest sees it at once.
func (d *Driver) grow(ctx context.Context, uuid string, running bool, g kind.Growth) error {
	if running {
		return d.host.ResizeDomainDisk(ctx, uuid, g.Disk.Target, g.Size)
	}
	return d.host.ResizeVolume(ctx, g.Volume.Pool, g.Volume.Name, g.Disk.Format, g.Size)
}
