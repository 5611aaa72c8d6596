package host

import (
	"errors"
	"strings"
)

// DomainSpec describes a domain to define.
type DomainSpec struct {
	Name        string
	UUID        string // empty: the host chooses one
	Title       string // one line
	Description string
	Type        string // kvm or qemu
	Sockets     int
	Cores       int // of each socket
	// CPU is host-model, host-passthrough, maximum or a model that libvirt
	// knows. Empty means host-model. Under software emulation (type qemu) the
	// first three all become maximum: there is no host CPU to pass on.
	CPU       string
	MemoryMiB uint64
	// Firmware is efi, or empty for the BIOS. libvirt picks the host's build of it
	// and keeps its variables in a file of the domain's own.
	Firmware    string
	Disks       []DiskSpec
	Seed        string // path of a cloud-init ISO; empty for none
	ConsoleLog  string // path on the host of a log of the serial console; empty for none
	Interfaces  []InterfaceSpec
	Passthrough []PassthroughDevice // devices of the host that are handed to the guest
	Metadata    string              // one XML element in a namespace of its own; empty for none
}

// InterfaceSpec describes a network interface on a network or a bridge.
type InterfaceSpec struct {
	Name      string      // letters, digits, _ and -
	Model     string      // empty means virtio
	Network   string      // libvirt network, or
	Bridge    string      // bridge of the host
	MAC       string      // empty: the host chooses one
	VLAN      uint        // tag, where the network can; 0 for none
	Filter    string      // network filter; empty for none
	FilterIPs []string    // the IPv4 addresses that the filter lets pass; none: it learns one from the guest
	PCI       *PCIAddress // in the guest; nil leaves it to libvirt
}

// DiskImage is what a disk of a domain is to be kept in.
type DiskImage struct {
	Name         string // of the disk, as in DiskSpec
	Path, Format string
}

// DomainChange names what RedefineDomain changes; nil stays as it is. An empty
// Title, Description or Metadata removes it. Metadata is the element of
// naming.InstanceNamespace; other elements of the domain's metadata are kept.
type DomainChange struct {
	Title, Description, Metadata *string
	Sockets, Cores               *int
	MemoryMiB                    *uint64
	AddDisk                      *DiskSpec      // one that is there by its name stays as it is
	SetInterface                 *InterfaceSpec // added, or by its name connected as it says; a MAC address stays
	RemoveDevice                 DeviceID       // one that is not there is no error; empty for none
	Disk                         *DiskImage
}

// EffectiveCPU is what a CPU type, as in DomainSpec, becomes in a domain of that type: under software emulation there is
// no host CPU to pass on, and all that ask for it get the most that QEMU can emulate.
func EffectiveCPU(domainType, cpu string) string {
	if cpu == "" {
		cpu = "host-model"
	}
	if domainType == "qemu" && (cpu == "host-model" || cpu == "host-passthrough") {
		return "maximum"
	}
	return cpu
}

// PassthroughDevice is a PCI device of the host that a domain has for itself. libvirt takes
// it from the host's driver when the domain starts, and gives it back.
type PassthroughDevice struct {
	Name    string // letters, digits, _ and -; empty for one that was added otherwise
	Address PCIAddress
}

// DiskSpec describes a disk.
type DiskSpec struct {
	Name   string // letters, digits, _ and -; the guest sees its first 20 bytes as serial
	Target string // vda, vdb, … for virtio-blk; sdb, sdc, … for virtio-scsi, where sda is the seed
	Path   string // of the volume on the host
	Format string // raw or qcow2
	// Rotation is what the guest is told of how the disk is made: 1 for one without
	// moving parts, or revolutions a minute (the rotation rate of the SCSI page Block
	// Device Characteristics). Such a disk is attached by virtio-scsi. 0 says nothing,
	// and is attached as virtio-blk, which has no way to say it.
	Rotation uint
	// KeepsDiscarded leaves blocks that the guest discards where they are; else they
	// are given back to the pool.
	KeepsDiscarded bool
	Boot           uint        // the place in the order of disks to boot from, from 1; 0 for none
	PCI            *PCIAddress // of virtio-blk in the guest; nil leaves it to libvirt
}

// MaxDefinition is how many bytes a domain's definition may have: libvirt's protocol takes strings of 4 MiB (REMOTE_STRING_MAX
// in src/remote/remote_protocol.x), there and back, and libvirt adds what it fills in. A domain whose definition fits into a
// request, but not into an answer, could be defined and never be read.
const MaxDefinition = 4<<20 - 64<<10

// ErrTooLarge says that the host's protocol has no room for it. Nothing was sent.
var ErrTooLarge = errors.New("too large for libvirt")

// AnswerSize is how many bytes XML that Go's encoder has written takes in libvirt's
// answers, which name quotes: &quot; and &apos; for &#34; and &#39;.
func AnswerSize(text string) int {
	return len(text) + strings.Count(text, "&#34;") + strings.Count(text, "&#39;")
}
