package host

import "context"

// Containers are the containers of a host: the domains of libvirt's LXC driver, which belongs to the
// same daemon as Machines and shares its pools, volumes and networks. The first request connects to
// the driver. If the host does not have it, every request returns ErrNoDriver, and if the host cannot use
// it, ErrDriverDown; see Driverless.
//
// libvirt keeps no names of a container's devices. A filesystem is identified by its target, and an
// interface by its MAC address. A container cannot be renamed (ErrUnsupported), and has no saved state.
// Every change of its definition but that of texts and metadata holds from its next start on. To list
// the states of containers takes five requests, or one if there is none of those names, and to list their
// allotments one and two for each.
type Containers interface {
	Domains
	// Offered returns nil if the host has the driver, or ErrNoDriver. Once it has returned nil, it makes
	// no request.
	Offered(ctx context.Context) error
	// DefineContainer defines a container without starting it. If another container has the name or the
	// UUID, or a machine has the name, it returns ErrExists. A UUID has to be a new one: a container that
	// has both may be replaced. If the UUID is empty, the host chooses one.
	DefineContainer(ctx context.Context, spec ContainerSpec) (Domain, error)
	// SignalContainer sends a signal to process 1 of a running container. If the container does not run,
	// it returns ErrOperationInvalid.
	SignalContainer(ctx context.Context, uuid string, signal Signal) error
	// DiskUsers names the running containers that may write to a volume; see Devices.DiskUsers.
	DiskUsers(ctx context.Context, v Volume) ([]string, error)
}

// Signal is a signal of Linux, by its number.
type Signal uint32

// The signals that nova-init listens to.
const (
	SignalHangUp    Signal = 1
	SignalTerminate Signal = 15
)

// ContainerSpec describes a container to define. It gets a network namespace of its own even if it
// has no interface.
type ContainerSpec struct {
	Name        string
	UUID        string // empty: the host chooses one
	Title       string // one line
	Description string
	// Init is the path of process 1, in the container. It gets no arguments and no environment:
	// libvirt would show them in its log and in the definition.
	Init string
	// VCPUs is how many processors' time the container gets. It sees all processors of the host.
	VCPUs     int
	MemoryMiB uint64
	// Filesystems are mounted in this order. One has the target "/". The directory of a target has to
	// exist in what was mounted before, unless the filesystem is a FilesystemImage or FilesystemRAM.
	Filesystems []Filesystem
	// Interfaces become eth0, eth1 and so on, in this order. Of each, the container takes network or
	// bridge, MAC address, filter and FilterIPs; the MAC address is required.
	Interfaces []InterfaceSpec
	Metadata   string // one XML element in its own namespace; empty for none
}

// FilesystemKind is what is mounted into a container.
type FilesystemKind int

// The kinds of filesystems.
const (
	FilesystemOther FilesystemKind = iota // of another tool; it cannot be defined here
	FilesystemImage                       // an ext4 file system in a raw volume, by a loop device
	FilesystemFile                        // a single file of the host, by a bind mount
	FilesystemRAM                         // memory, empty at each start
)

// Filesystem is something that is mounted into a container.
type Filesystem struct {
	Kind     FilesystemKind
	Source   string // path on the host; empty for FilesystemRAM
	Target   string // absolute path in the container
	Size     uint64 // of FilesystemRAM, in bytes: a multiple of 1024; 0 for others
	ReadOnly bool
}
