package host

import (
	"fmt"
	"slices"
)

// Network is a virtual network of the host.
type Network struct {
	Name        string
	Bridge      string // the host's bridge device, if there is one
	Active      bool
	ForwardMode string // nat, route, open, bridge, …; empty for an isolated network
	OpenVSwitch bool   // the bridge belongs to Open vSwitch
}

// PCIAddress is the address of a PCI device.
type PCIAddress struct{ Domain, Bus, Slot, Function uint }

// String formats the address as lspci does: 0000:01:00.0.
func (a PCIAddress) String() string {
	return fmt.Sprintf("%04x:%02x:%02x.%x", a.Domain, a.Bus, a.Slot, a.Function)
}

// PCIDevice is a PCI device of the host.
type PCIDevice struct {
	Address PCIAddress
	Class   uint   // of the PCI Code and ID Assignment Specification: 0x030000 is a VGA card
	ID      string // "vendor:device", such as "10de:1eb8"
	Name    string // from the host's list of PCI ids; empty if it is not in there
	// Group is the devices in the same IOMMU group, including this one. It is empty if the host has no
	// IOMMU in use; then no device can be passed to a guest.
	Group []PCIAddress
}

// Compare orders addresses as lspci does.
func (a PCIAddress) Compare(b PCIAddress) int {
	return slices.Compare([]uint{a.Domain, a.Bus, a.Slot, a.Function}, []uint{b.Domain, b.Bus, b.Slot, b.Function})
}

// Self is how a host calls itself; see package hostid.
type Self struct {
	Hostname string
	UUID     string // as in Info
}

// Info describes a host.
type Info struct {
	Hostname string
	// UUID is the host's own, from its firmware or libvirtd.conf. It does not identify a host: boards
	// share UUIDs, and if a board has none, libvirt makes one up at each start.
	UUID string
	URI  string // that the Host was created with
	Arch string // x86_64, aarch64, …
	// LibvirtVersion and HypervisorVersion are "9.0.0" and "7.2.22".
	LibvirtVersion    string
	HypervisorVersion string
	CPUs              int // threads that the host schedules on
	MemoryMiB         uint64
	FreeMemoryMiB     uint64
	// AvailableMemoryMiB is what guests can get: free memory, and what only has copies of files. It is 0
	// if the host does not say.
	AvailableMemoryMiB uint64
	DomainTypes        []string // the possible types of guests of the host's architecture: qemu, kvm
	CPUModel           string   // libvirt's name for it; empty if libvirt does not know
	// CPUDigest stands for the model and the features of the processor.
	CPUDigest string
}
