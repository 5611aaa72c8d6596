package device

import (
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
)

// Places are the numbers of a machine's disks (see Target) that are taken.
type Places map[int]bool

// PlacesOf are the places of disks and drives.
func PlacesOf(targets []string) Places {
	taken := Places{}
	for _, target := range targets {
		taken[Place(target)] = true
	}
	return taken
}

// Next takes the first place that is free; 0 is the system disk's.
func (p Places) Next() int {
	n := 1
	for p[n] {
		n++
	}
	p[n] = true
	return n
}

// CompareNICs compares interfaces, which have names. An interface without a requested MAC address
// keeps the one it has. An interface without a name is not novacron's.
func CompareNICs(have, want []profile.NIC) ([]finding.Path, kind.Devices) {
	var replaces []finding.Path
	var d kind.Devices
	interfaces := finding.At("network_profile").Name("interfaces")
	for _, w := range want {
		at := interfaces.Key(w.Name)
		n := slices.IndexFunc(have, func(h profile.NIC) bool { return h.Name == w.Name })
		if n < 0 {
			// The guest is told of addresses only once, at its first boot.
			if len(w.IP.Addresses) > 0 || len(w.IP.DNS) > 0 {
				replaces = append(replaces, at.Name("ip_configuration"))
				continue
			}
			d.AddNICs = append(d.AddNICs, w)
			continue
		}
		h := have[n]
		// What the guest was told refers to the MAC address.
		if w.MAC != "" && !strings.EqualFold(h.MAC, w.MAC) {
			replaces = append(replaces, at.Name("mac_address"))
			continue
		}
		if !h.IP.Equal(w.IP) {
			replaces = append(replaces, at.Name("ip_configuration"))
			continue
		}
		w.MAC = h.MAC
		switch {
		case h.Model != w.Model:
			d.Swaps = append(d.Swaps, w)
		case h.Network != w.Network || h.Bridge != w.Bridge || h.VLAN != w.VLAN || h.Filter != w.Filter:
			d.Reconnects = append(d.Reconnects, w)
		}
	}
	for _, h := range have {
		if h.Name != "" && !slices.ContainsFunc(want, func(w profile.NIC) bool { return w.Name == h.Name }) {
			d.DropNICs = append(d.DropNICs, h.Name)
		}
	}
	return replaces, d
}

// CompareLive adds what only the running guest has or lacks, because it was changed there alone or
// because a change was interrupted, and reports the devices for which it has no room.
func CompareLive(d *kind.Diff, i kind.Instance, b kind.Blueprint, live host.Hardware) {
	dev := &d.Devices
	for _, nic := range i.NICs {
		n := slices.IndexFunc(b.NICs, func(w profile.NIC) bool { return w.Name == nic.Name })
		if n < 0 || live.Has(host.InterfaceID(nic.Name)) {
			continue
		}
		called := func(w profile.NIC) bool { return w.Name == nic.Name }
		dev.Swaps, dev.Reconnects = slices.DeleteFunc(dev.Swaps, called), slices.DeleteFunc(dev.Reconnects, called)
		w := b.NICs[n]
		w.MAC = nic.MAC
		dev.AddNICs = append(dev.AddNICs, w)
	}
	for _, nic := range live.Interfaces {
		known := slices.ContainsFunc(slices.Concat(i.NICs, b.NICs), func(n profile.NIC) bool {
			return n.Name == nic.Name
		})
		if nic.Name != "" && !known {
			dev.DropNICs = append(dev.DropNICs, nic.Name)
		}
	}
	for _, disk := range i.Disks {
		n := slices.IndexFunc(b.Drives, func(drive profile.Drive) bool { return drive.Name == disk.Name })
		if n > 0 && !live.Has(host.DiskID(disk.Name)) {
			spec := Spec(b.Drives[n], Place(disk.Target), disk.Path, disk.Format)
			spec.Target = disk.Target
			dev.AddDisks = append(dev.AddDisks, kind.NewDisk{Spec: spec, Size: b.Drives[n].Size})
		}
	}
	for _, disk := range live.Disks {
		if disk.Name == "" || slices.ContainsFunc(i.Disks, func(h host.DomainDisk) bool {
			return h.Name == disk.Name
		}) {
			continue
		}
		n := slices.IndexFunc(dev.AddDisks, func(add kind.NewDisk) bool { return add.Spec.Name == disk.Name })
		if n < 0 {
			dev.DropDisks = append(dev.DropDisks, disk)
			continue
		}
		dev.AddDisks[n].Spec.Target = disk.Target // the disk has its place already
	}
	compareRoom(d, live)
}

// noSlot says why a device cannot be plugged into a running guest.
const noSlot = "The running guest has no PCI slot left that the device could be plugged into."

// compareRoom reports the devices for which the running guest has no slot, once those that go are
// gone.
func compareRoom(d *kind.Diff, live host.Hardware) {
	dev := d.Devices
	slots := live.Slots(unplugged(dev)...)
	cards := slices.Clone(dev.Swaps)
	for _, nic := range dev.AddNICs {
		if !live.Has(host.InterfaceID(nic.Name)) {
			cards = append(cards, nic)
		}
	}
	for _, nic := range cards {
		if !slots.TakeFor(nic.Model) {
			d.Restarts = append(d.Restarts,
				kind.Restart{At: finding.At("network_profile").Name("interfaces").Key(nic.Name),
					Why: noSlot})
		}
	}
	for _, disk := range dev.AddDisks {
		if disk.Spec.Rotation == 0 && !live.Has(host.DiskID(disk.Spec.Name)) && !slots.TakeFor("virtio") {
			d.Restarts = append(d.Restarts,
				kind.Restart{At: finding.At("storage_profile").Name("disks").Key(disk.Spec.Name),
					Why: noSlot})
		}
	}
}

// unplugged are the devices that a running guest has to release.
func unplugged(d kind.Devices) []host.DeviceID {
	var ids []host.DeviceID
	for _, disk := range d.DropDisks {
		ids = append(ids, host.DiskID(disk.Name))
	}
	for _, name := range d.DropNICs {
		ids = append(ids, host.InterfaceID(name))
	}
	for _, nic := range d.Swaps {
		ids = append(ids, host.InterfaceID(nic.Name))
	}
	return ids
}
