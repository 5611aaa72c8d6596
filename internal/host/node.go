package host

import (
	"fmt"
	"slices"
)

// Network is a virtual network of the host.
type Network struct {
	Name        string
	Bridge      string // the host's bridge device, where there is one
	Active      bool
	ForwardMode string // nat, route, open, bridge, …; empty for an isolated network
	OpenVSwitch bool   // the bridge is one of Open vSwitch
}

// PCIAddress is where a PCI device of the host is.
type PCIAddress struct{ Domain, Bus, Slot, Function uint }

// String writes the address as lspci does: 0000:01:00.0.
func (a PCIAddress) String() string {
	return fmt.Sprintf("%04x:%02x:%02x.%x", a.Domain, a.Bus, a.Slot, a.Function)
}

// PCIDevice is a PCI device of the host.
type PCIDevice struct {
	Address PCIAddress
	Class   uint   // of the PCI Code and ID Assignment Specification: 0x030000 is a VGA card
	ID      string // "vendor:device", such as "10de:1eb8"
	Name    string // as the host's list of PCI ids has it; empty where it has none
	// Group are the devices that share the IOMMU group, itself among them; none where
	// the host has no IOMMU in use, and then nothing can be handed to a guest.
	Group []PCIAddress
}

// Compare orders addresses as lspci does.
func (a PCIAddress) Compare(b PCIAddress) int {
	return slices.Compare([]uint{a.Domain, a.Bus, a.Slot, a.Function}, []uint{b.Domain, b.Bus, b.Slot, b.Function})
}

// Info describes a host.
type Info struct {
	Hostname string
	// UUID is the host's own, of its firmware or of libvirtd.conf. It does not identify a host: boards share UUIDs, and where a
	// board has none, libvirt makes one up at each start.
	UUID string
	URI  string // as the Host was made with
	Arch string // x86_64, aarch64, …
	// LibvirtVersion and HypervisorVersion are "9.0.0" and "7.2.22".
	LibvirtVersion    string
	HypervisorVersion string
	CPUs              int // threads that the host schedules on
	MemoryMiB         uint64
	FreeMemoryMiB     uint64
	DomainTypes       []string // what guests of the host's architecture can be: qemu, kvm
	CPUModel          string   // as libvirt names it; empty where it cannot tell
}
