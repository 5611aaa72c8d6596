package provision

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Devices are the disks and network cards of an instance that come, go and change without another instance.
type Devices struct {
	AddDisks  []NewDisk
	DropDisks []host.DomainDisk // with their volumes
	AddNICs   []profile.NIC
	// Reconnects are plugged in elsewhere, tagged or filtered otherwise; the guest keeps the card.
	Reconnects []profile.NIC
	Swaps      []profile.NIC // another model: the guest loses the card, and gets one with the same MAC address
	DropNICs   []string
}

// NewDisk is a disk to add.
type NewDisk struct {
	Spec host.DiskSpec
	Pool string // where its volume is
	Has  uint64 // bytes of its volume, 0 where there is none yet
	Size uint64 // bytes
}

// none tells whether no device comes, goes or changes.
func (d Devices) none() bool {
	return len(d.AddDisks)+len(d.DropDisks)+len(d.AddNICs)+len(d.Reconnects)+len(d.Swaps)+len(d.DropNICs) == 0
}

// newDisk is a data disk to add at the nth place. A volume of its name is its own: somebody detached the disk, or a
// change was cut off. What is on it stays.
func (p *Provisioner) newDisk(ctx context.Context, i Instance, drive profile.Drive, pool host.Pool, n int) (NewDisk, error) {
	name := naming.Disk(i.Facts.Tenant, i.Facts.Name, drive.Name, dataFormat)
	disk := NewDisk{Spec: diskSpec(drive, n, pool.Path+"/"+name, dataFormat), Pool: pool.Name, Size: drive.Size}
	volume, err := p.host.Volume(ctx, pool.Name, name)
	if errors.Is(err, host.ErrNoVolume) {
		return disk, nil
	}
	if err == nil {
		disk.Has, err = volume.DiskSize(dataFormat)
	}
	return disk, err
}

// places are the numbers of a machine's disks (diskTarget) that are taken.
type places map[int]bool

func placesOf(targets []string) places {
	taken := places{}
	for _, target := range targets {
		taken[diskPlace(target)] = true
	}
	return taken
}

// next takes the first place that is free; 0 is the system disk's.
func (p places) next() int {
	n := 1
	for p[n] {
		n++
	}
	p[n] = true
	return n
}

// compareNICs compares the network cards, which go by their names. One whose MAC address is left to chance keeps the one
// it has, and one without a name is somebody else's.
func compareNICs(have, want []profile.NIC) ([]finding.Path, Devices) {
	var replaces []finding.Path
	var d Devices
	interfaces := finding.At("network_profile").Name("interfaces")
	for _, w := range want {
		at := interfaces.Key(w.Name)
		n := slices.IndexFunc(have, func(h profile.NIC) bool { return h.Name == w.Name })
		if n < 0 {
			// The guest is told of addresses once, at its first boot.
			if len(w.IP.Addresses) > 0 || len(w.IP.DNS) > 0 {
				replaces = append(replaces, at.Name("ip_configuration"))
				continue
			}
			d.AddNICs = append(d.AddNICs, w)
			continue
		}
		h := have[n]
		// What the guest was told goes by the MAC address.
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

// compareLive adds what only the running guest has or lacks, because somebody changed it there alone or because a change
// was cut off, and finds for which devices it has no room.
func (d *Diff) compareLive(i Instance, b Blueprint, live host.Hardware) {
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
		known := slices.ContainsFunc(slices.Concat(i.NICs, b.NICs), func(n profile.NIC) bool { return n.Name == nic.Name })
		if nic.Name != "" && !known {
			dev.DropNICs = append(dev.DropNICs, nic.Name)
		}
	}
	for _, disk := range i.Disks {
		n := slices.IndexFunc(b.Drives, func(drive profile.Drive) bool { return drive.Name == disk.Name })
		if n > 0 && !live.Has(host.DiskID(disk.Name)) {
			spec := diskSpec(b.Drives[n], diskPlace(disk.Target), disk.Path, disk.Format)
			spec.Target = disk.Target
			dev.AddDisks = append(dev.AddDisks, NewDisk{Spec: spec, Size: b.Drives[n].Size})
		}
	}
	for _, disk := range live.Disks {
		if disk.Name == "" || slices.ContainsFunc(i.Disks, func(h host.DomainDisk) bool { return h.Name == disk.Name }) {
			continue
		}
		n := slices.IndexFunc(dev.AddDisks, func(add NewDisk) bool { return add.Spec.Name == disk.Name })
		if n < 0 {
			dev.DropDisks = append(dev.DropDisks, disk)
			continue
		}
		dev.AddDisks[n].Spec.Target = disk.Target // it has its place already
	}
	d.compareRoom(live)
}

// noSlot says why a device cannot be plugged into a running guest.
const noSlot = "The running guest has no PCI slot left that the device could be plugged into."

// compareRoom finds the devices that the running guest has no slot for, once those that go are gone.
func (d *Diff) compareRoom(live host.Hardware) {
	dev := d.Devices
	slots := live.Slots(dev.unplugged()...)
	cards := slices.Clone(dev.Swaps)
	for _, nic := range dev.AddNICs {
		if !live.Has(host.InterfaceID(nic.Name)) {
			cards = append(cards, nic)
		}
	}
	for _, nic := range cards {
		if !slots.TakeFor(nic.Model) {
			d.Restarts = append(d.Restarts, Restart{finding.At("network_profile").Name("interfaces").Key(nic.Name), noSlot})
		}
	}
	for _, disk := range dev.AddDisks {
		if disk.Spec.Rotation == 0 && !live.Has(host.DiskID(disk.Spec.Name)) && !slots.TakeFor("virtio") {
			d.Restarts = append(d.Restarts, Restart{finding.At("storage_profile").Name("disks").Key(disk.Spec.Name), noSlot})
		}
	}
}

// unplugged are the devices that a running guest has to let go of.
func (d Devices) unplugged() []host.DeviceID {
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

// addressing is what an instance's metadata say of its cards once these are what they shall be. What the guest was told
// of the ones it has, it was told.
func addressing(have, want []profile.NIC) []metadata.AddressingNote {
	nics := slices.Clone(want)
	for n := range nics {
		if h := slices.IndexFunc(have, func(h profile.NIC) bool { return h.Name == nics[n].Name }); h >= 0 {
			nics[n].IP = have[h].IP
		} else {
			nics[n].IP.Addresses, nics[n].IP.Gateways, nics[n].IP.DNS = nil, nil, nil
		}
	}
	return metadata.NoteAddressing(nics)
}
