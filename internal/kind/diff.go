package kind

import (
	"github.com/novacron/terraform-provider-novacron/internal/catalog/profile"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Diff is what it takes to turn an instance into what a blueprint says.
type Diff struct {
	Restarts []Restart      // why a running guest must be shut down and started again
	Replaces []finding.Path // what only another instance could have
	Grows    []Growth
	Devices  Devices
	Part     any // what only the driver understands
	// Tells says that Apply tells the guest something else. Until the change is complete, it is not certain
	// what the guest is told.
	Tells bool
}

// Restart is a change that a guest does not take while it runs.
type Restart struct {
	At  finding.Path
	Why string // a sentence; "" if the attribute says it all
}

// Restart reports whether a running guest must be shut down and started again.
func (d Diff) Restart() bool { return len(d.Restarts) > 0 }

// Growth is a disk that becomes larger.
type Growth struct {
	Disk   host.DomainDisk
	Volume host.Volume
	Size   uint64 // bytes
}

// Devices are the disks and interfaces of an instance that come, go and change without another
// instance.
type Devices struct {
	AddDisks  []NewDisk
	DropDisks []host.DomainDisk // with their volumes
	AddNICs   []profile.NIC
	// Reconnects are connected, tagged or filtered differently; the guest keeps the card.
	Reconnects []profile.NIC
	Swaps      []profile.NIC // another model: the guest loses the card, and gets a new one with the same MAC address
	DropNICs   []string
}

// NewDisk is a disk to add.
type NewDisk struct {
	Spec host.DiskSpec
	Pool string // where its volume is
	Has  uint64 // bytes of its volume, 0 if there is none yet
	Size uint64 // bytes
}

// None reports whether no device comes, goes or changes.
func (d Devices) None() bool {
	return len(d.AddDisks)+len(d.DropDisks)+len(d.AddNICs)+len(d.Reconnects)+len(d.Swaps)+len(d.DropNICs) == 0
}

// WithoutHotPlug adds the restarts that a guest needs if its devices change only while it is off, except
// for disks that can grow while it runs.
func (d *Diff) WithoutHotPlug(canGrow bool) {
	const why = "Its devices change only while it is off."
	interfaces, disks := finding.At("network_profile").Name("interfaces"), finding.At("storage_profile").Name("disks")
	restart := func(at finding.Path) { d.Restarts = append(d.Restarts, Restart{at, why}) }
	for _, nics := range [][]profile.NIC{d.Devices.AddNICs, d.Devices.Reconnects, d.Devices.Swaps} {
		for _, nic := range nics {
			restart(interfaces.Key(nic.Name))
		}
	}
	for _, name := range d.Devices.DropNICs {
		restart(interfaces.Key(name))
	}
	for _, disk := range d.Devices.AddDisks {
		restart(disks.Key(disk.Spec.Name))
	}
	for _, disk := range d.Devices.DropDisks {
		restart(disks.Key(disk.Name))
	}
	for _, growth := range d.Grows {
		if canGrow {
			break
		}
		restart(disks.Key(growth.Disk.Name))
	}
}
