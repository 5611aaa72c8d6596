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
	// CPU is host-model, host-passthrough, maximum or a model that libvirt knows. Empty means
	// host-model. Under software emulation (type qemu) the first three all become maximum, because
	// there is no host CPU to pass on.
	CPU       string
	MemoryMiB uint64
	// Firmware is efi, or empty for the BIOS. libvirt picks the host's build of it and keeps its
	// variables in a separate file of the domain.
	Firmware   string
	Disks      []DiskSpec
	Seed       string // path of a cloud-init ISO; empty for none
	ConsoleLog string // path on the host of a log of the serial console; empty for none
	// GenID shows the guest a generation ID, which changes when the guest continues from another point
	// in time: https://libvirt.org/formatdomain.html#general-metadata.
	GenID       bool
	Interfaces  []InterfaceSpec
	Passthrough []PassthroughDevice // devices of the host to pass to the guest
	Metadata    string              // one XML element in its own namespace; empty for none
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
	FilterIPs []string    // the IPv4 addresses that the filter lets pass; empty: it learns one from the guest
	PCI       *PCIAddress // in the guest; nil leaves it to libvirt
	LinkDown  bool        // the guest sees no carrier until LinkUp
}

// DiskImage is the image for a disk of a domain.
type DiskImage struct {
	Name         string // of the disk, as in DiskSpec
	Path, Format string
}

// DomainChange names what RedefineDomain changes; nil fields stay unchanged. An empty Title,
// Description or Metadata removes it. Metadata is the element of naming.InstanceNamespace;
// RedefineDomain keeps other elements of the domain's metadata. Fields about disks and devices are
// for machines, and those about filesystems for containers.
type DomainChange struct {
	Title, Description, Metadata *string
	Sockets, Cores               *int
	MemoryMiB                    *uint64
	AddDisk                      *DiskSpec // if a disk with its name exists, that stays as it is
	// added, or if its name (of a container: its MAC address) exists, connected as it says; the MAC
	// address stays
	SetInterface *InterfaceSpec
	// RemoveInterface is the MAC address of a container's interface. The names of the other interfaces in
	// the container stay. It is not an error if it does not exist; empty for none.
	RemoveInterface string
	// SetFilesystems replace the filesystems with their targets, at the same places in the order, or are
	// added as the last ones.
	SetFilesystems []Filesystem
	// RemoveFilesystem is a target. It is not an error if it does not exist; empty for none.
	RemoveFilesystem string
	RemoveDevice     DeviceID // it is not an error if it does not exist; empty for none
	Disk             *DiskImage
}

// EffectiveCPU returns what a CPU type, as in DomainSpec, becomes in a domain of that type. Under
// software emulation there is no host CPU to pass on, so every type that asks for it becomes the
// most that QEMU can emulate.
func EffectiveCPU(domainType, cpu string) string {
	if cpu == "" {
		cpu = "host-model"
	}
	if domainType == "qemu" && (cpu == "host-model" || cpu == "host-passthrough") {
		return "maximum"
	}
	return cpu
}

// PassthroughDevice is a PCI device of the host that a domain has exclusively. libvirt takes it
// from the host's driver when the domain starts, and gives it back afterwards.
type PassthroughDevice struct {
	Name    string // letters, digits, _ and -; empty if the device has no name from novacron
	Address PCIAddress
}

// DiskSpec describes a disk.
type DiskSpec struct {
	Name   string // letters, digits, _ and -; the guest sees its first 20 bytes as serial
	Target string // vda, vdb, … for virtio-blk; sdb, sdc, … for virtio-scsi, where sda is the seed
	Path   string // of the volume on the host
	Format string // raw or qcow2
	// Rotation is the kind of disk that the guest sees: 1 for a disk without moving parts, or
	// revolutions per minute (the rotation rate of the SCSI page Block Device Characteristics). Such a
	// disk is attached by virtio-scsi. 0 says nothing and attaches the disk by virtio-blk, which
	// cannot say it.
	Rotation uint
	// KeepsDiscarded keeps blocks that the guest discards; otherwise the pool gets them back.
	KeepsDiscarded bool
	Boot           uint        // the position in the order of boot disks, from 1; 0 for none
	PCI            *PCIAddress // of virtio-blk in the guest; nil leaves it to libvirt
}

// MaxDefinition is the maximum size of a domain's definition in bytes. libvirt's protocol takes
// strings of 4 MiB in both directions (REMOTE_STRING_MAX in src/remote/remote_protocol.x), and
// libvirt adds what it fills in. A domain whose definition fits into a request but not into an
// answer could be defined and never be read.
const MaxDefinition = 4<<20 - 64<<10

// ErrTooLarge says that an object is too large for the host's protocol. Nothing was sent.
var ErrTooLarge = errors.New("too large for libvirt")

// AnswerSize returns the size in bytes of XML in libvirt's answers, if Go's encoder has written it:
// libvirt writes the names &quot; and &apos; for &#34; and &#39;.
func AnswerSize(text string) int {
	return len(text) + strings.Count(text, "&#34;") + strings.Count(text, "&#39;")
}
