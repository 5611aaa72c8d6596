package vm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm/device"
)

// defined is what only the definitions of machines have, as Part of an instance.
type defined struct {
	machine    profile.Machine
	domainType string
	targets    []string // of all disks and drives, foreign ones included
}

func definedOf(i kind.Instance) defined {
	d, _ := i.Part.(defined)
	return d
}

// MachineOf is the hardware of an instance as its host has it.
func MachineOf(i kind.Instance) profile.Machine { return definedOf(i).machine }

// Read implements kind.Driver.
func (d *Driver) Read(ctx context.Context, domain host.Domain, facts metadata.Facts) (kind.Instance, error) {
	id, err := d.inventory.Self(ctx)
	if err != nil {
		return kind.Instance{}, err
	}
	own := defined{domainType: domain.Type, machine: profile.Machine{
		Sockets:   domain.Sockets,
		Cores:     domain.Cores,
		CPU:       domain.CPU,
		MemoryMiB: domain.MemoryMiB,
		Firmware:  profile.BIOS,
	}}
	if domain.Firmware == "efi" {
		own.machine.Firmware = profile.EFI
	}
	own.machine.GPUs, own.machine.GPU = gpusOf(domain.Passthrough)
	i := kind.InstanceOf(domain, facts, id, d.Type())
	for _, nic := range domain.Interfaces {
		i.NICs = append(i.NICs, profile.NIC{
			Name: nic.Name, Model: nic.Model, Network: nic.Network, Bridge: nic.Bridge, MAC: nic.MAC,
			VLAN: int(nic.VLAN), Filter: nic.Filter, IP: metadata.NotedAddressing(facts.Addressing, nic.Name),
		})
	}
	for _, disk := range domain.Disks {
		own.targets = append(own.targets, disk.Target)
		if disk.Name != "" && !disk.CDROM {
			i.Disks = append(i.Disks, disk)
		}
	}
	slices.SortStableFunc(i.Disks, func(a, b host.DomainDisk) int {
		return device.Place(a.Target) - device.Place(b.Target)
	})
	i.Part = own
	i.Shape = shape(i)
	return i, nil
}

// Look implements kind.Driver.
func (d *Driver) Look(ctx context.Context, i *kind.Instance, leases network.Leases) (err error) {
	switch {
	case i.State != host.StateRunning:
	case leases != nil:
		i.Addresses, err = d.networks.LeasedAddresses(ctx, leases, i.NICs)
	default:
		i.Addresses, err = d.networks.Addresses(ctx, i.UUID, i.NICs)
	}
	return err
}

// shape identifies the machine, its interfaces and disks as the host has them. The metadata keep
// it.
func shape(i kind.Instance) string {
	h := sha256.New()
	own := definedOf(i)
	fmt.Fprintf(h, "%s %+v\n", own.domainType, own.machine)
	for _, n := range i.NICs {
		fmt.Fprintf(h, "%q %q %q %q %q %d %q\n", n.Name, n.Model, n.Network, n.Bridge, n.MAC, n.VLAN, n.Filter)
	}
	for _, disk := range i.Disks {
		fmt.Fprintf(h, "%q %q %q %q %d %d\n", disk.Name, disk.Target, disk.Path, disk.Format, disk.Rotation, disk.Boot)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
