package host

// ShutdownMode is how a guest is asked to shut down.
type ShutdownMode int

// The ways to ask.
const (
	ShutdownACPI   ShutdownMode = iota // the power button
	ShutdownAgent                      // the guest agent
	ShutdownSignal                     // of a container: SIGTERM to process 1
	ShutdownInit                       // of a container: /dev/initctl, which systemd listens to
)

// State is what a domain is doing.
type State int

// The states of a domain. A domain that waits for its disk counts as running.
const (
	StateUnknown State = iota
	StateRunning
	StatePaused
	StateShuttingDown
	StateShutoff
	StateCrashed
	StatePMSuspended
)

// String returns libvirt's name of the state.
func (s State) String() string {
	switch s {
	case StateRunning:
		return "running"
	case StatePaused:
		return "paused"
	case StateShuttingDown:
		return "shutting-down"
	case StateShutoff:
		return "shutoff"
	case StateCrashed:
		return "crashed"
	case StatePMSuspended:
		return "pmsuspended"
	default:
		return "unknown"
	}
}

// Status is what a domain is doing now.
type Status struct {
	State     State
	Autostart bool // whether it starts with its host
	// Sizes are the capacities of its disks in bytes, by their targets ("vda"). Only Statuses fills
	// them in, and not for a busy domain.
	Sizes map[string]uint64
}

// Allotment is how much of its host a domain may take: what its guest may have now or, if that is
// more, once it is powered off and started again.
type Allotment struct {
	UUID, Name string
	VCPUs      uint64 // plugged in or not
	Memory     uint64 // bytes, whatever the guest has given back
}

// Domain is a domain as it is defined: if it is running, this is how it will be after it is powered
// off and started again. Its Status is the current one.
type Domain struct {
	UUID, Name  string
	Title       string
	Description string
	Type        string // kvm, qemu, lxc
	Status
	Sockets int // of a container: how many processors' time it gets
	Cores   int // of each socket; 1 for a container
	// CPU is host-model, host-passthrough, maximum or a model's name; see DomainSpec about software
	// emulation.
	CPU         string
	MemoryMiB   uint64
	Firmware    string // efi, or empty for the BIOS
	Disks       []DomainDisk
	Filesystems []Filesystem // of a container, in the order in which they are mounted
	Interfaces  []DomainInterface
	Passthrough []PassthroughDevice // PCI devices of the host
	Metadata    string              // the element of naming.InstanceNamespace; empty for none
}

// DomainDisk is a disk of a domain.
type DomainDisk struct {
	Name   string // as in DiskSpec; empty if the disk has no name from novacron
	Target string // vda, sda, …
	Path   string // empty for an empty drive, for a network disk, and for a disk that names a volume
	// Pool and Volume name the volume of a disk whose definition has a volume instead of a path.
	Pool, Volume string
	Format       string // raw, qcow2
	CDROM        bool
	// Rotation, KeepsDiscarded and Boot are as in DiskSpec.
	Rotation       uint
	KeepsDiscarded bool
	Boot           uint
}

// Is reports whether the disk is that volume.
func (d DomainDisk) Is(v Volume) bool {
	return v.Path != "" && d.Path == v.Path || d.Volume != "" && d.Volume == v.Name && d.Pool == v.Pool
}

// DomainInterface is a network interface of a domain.
type DomainInterface struct {
	Name    string // as in InterfaceSpec; empty if the interface has no name from novacron, and for a container
	MAC     string
	Device  string // the name that a container sees: eth0
	Network string
	Bridge  string
	Model   string
	VLAN    uint   // the tag; 0 for none and for several
	Filter  string // empty for none
}
