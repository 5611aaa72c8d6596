// Package host describes a machine that runs guests the way everything above libvirt sees it: what
// it has, what can be asked of it, and how that fails. Package libvirt implements it, and fakehost
// implements it in memory for unit tests. hosttest is the contract of both.
package host

import (
	"context"
	"io"
	"time"
)

// Host is one machine. Its methods may be called concurrently. A method that makes requests bounds
// each of them, ends with its context, and returns an *Error that names the operation and its
// object. Use errors.Is and the values Err… to distinguish errors.
type Host interface {
	Pools
	Volumes
	Machines
	Devices
	Guests
	Memory
	Migrator
	Node
	// Containers returns the containers of the host. It makes no request.
	Containers() Containers
}

// Pools are the storage pools of a host.
type Pools interface {
	// Pool returns a pool, or ErrNoPool.
	Pool(ctx context.Context, name string) (Pool, error)
	// Pools returns all pools of the host, active or not, by name.
	Pools(ctx context.Context) ([]Pool, error)
	// PoolUUID returns the UUID of a pool, or ErrNoPool. It makes no request for a pool that was used
	// before.
	PoolUUID(ctx context.Context, name string) (string, error)
	// PoolUUIDs returns the UUIDs of all pools of the host, active or not, by their names. It makes
	// one request.
	PoolUUIDs(ctx context.Context) (map[string]string, error)
	// CreateDirPool makes sure that a directory pool with this name and path exists, is active and
	// starts with the host. Until then, the pool is missing, Unfinished or active. Several callers may
	// call it at once, also in different processes, and each finishes what another one has begun. If a
	// pool has the name but another type or path, it returns ErrExists.
	CreateDirPool(ctx context.Context, name, path string) (Pool, error)
	// RefreshPool makes the daemon look for changes in the pool, which it does not do on its own:
	// until then, the daemon does not know files that appeared by other means, such as another daemon,
	// and its figure for free space is out of date.
	//
	// libvirt refuses to refresh a pool while a job runs in it, such as a clone. Then RefreshPool
	// tries again for a short while and gives up without an error: the daemon that runs those jobs
	// knows its own volumes.
	//
	// Concurrent callers share a refresh that begins after they asked.
	RefreshPool(ctx context.Context, name string) error
	// Time returns the time of day by the clock of the machine that stores a pool's volumes, so that
	// processes agree on it even if their own machines' clocks differ. It is never ahead of that
	// clock, and behind it by no more than the time to create one volume, or by up to a minute if this
	// machine has slept. It makes requests only if this Host has not created a volume in the pool yet,
	// or the machine has slept for longer: then it creates one, and deletes it.
	Time(ctx context.Context, pool string) (time.Time, error)
}

// Volumes are the volumes in a host's storage pools.
type Volumes interface {
	// Volume returns a volume, ErrNoVolume, ErrNoPool or ErrPoolInactive.
	Volume(ctx context.Context, pool, name string) (Volume, error)
	// Volumes returns the volumes of a pool whose names match, with one request for the list and one
	// for each match. It leaves out volumes that vanish meanwhile, and lists those that cannot be
	// described separately.
	Volumes(ctx context.Context, pool string, match func(name string) bool) ([]Volume, []Undescribed, error)
	// VolumeNames returns the names of all volumes of a pool, in no particular order, with one
	// request. It lists what the daemon knows; see RefreshPool.
	VolumeNames(ctx context.Context, pool string) ([]string, error)
	// CreateVolume creates an empty volume, or an overlay when spec has a Backing. Creating a raw
	// volume is exclusive, even between daemons that share the pool's directory: the second caller
	// gets ErrExists. Other formats are exclusive only within one daemon. The volume that it returns
	// is as the spec asks; Volume has its Allocation, Physical and Modified.
	CreateVolume(ctx context.Context, pool string, spec VolumeSpec) (Volume, error)
	// CloneVolume copies a volume on the host and converts it to spec's format. It grows the copy when
	// spec.Capacity is larger than the source's capacity; zero keeps the source's. It takes as long as
	// ctx allows. If ctx ends first, the host continues to copy: the volume then exists, or will, and
	// cannot be deleted until the host is done.
	//
	// libvirt copies by the format that it has detected in the source. If that is not the source's
	// format, before or after the copy, CloneVolume leaves no copy and returns a *FormatError.
	CloneVolume(ctx context.Context, pool string, spec VolumeSpec, from CloneSource) (Volume, error)
	// CopyVolume copies the bytes of a raw volume within a pool. Where the pool's file system can, the
	// copy shares the blocks of the original, which takes no time and no space. It takes as long as ctx
	// allows. If ctx ends first, the host continues to copy, as for CloneVolume.
	CopyVolume(ctx context.Context, pool, name, from string) error
	// ResizeVolume grows a volume to capacity bytes; it never shrinks one. format is the volume's
	// format as its user knows it. ResizeVolume returns a *FormatError if libvirt has detected another
	// format, and would change that.
	ResizeVolume(ctx context.Context, pool, name, format string, capacity uint64) error
	// DeleteVolume deletes a volume. It does not notice overlays that need it. If the host is still
	// busy with the volume (an upload whose connection was just closed, a copy that continues after
	// its caller left), DeleteVolume waits for at most a minute and then returns ErrOperationInvalid.
	DeleteVolume(ctx context.Context, pool, name string) error
	// ReadVolume returns all bytes of a small volume, over the connection for documents. It is an
	// error if the volume is larger than limit bytes. If the volume is still being created after the
	// usual time, ReadVolume returns ErrOperationInvalid.
	ReadVolume(ctx context.Context, pool, name string, limit int64) ([]byte, error)
	// ReadVolumeAt returns at most limit bytes of a volume from an offset, or fewer if it ends
	// earlier, over the connection for documents.
	ReadVolumeAt(ctx context.Context, pool, name string, offset uint64, limit int64) ([]byte, error)
	// WriteVolume writes data to the start of a volume over the connection for documents. The rest of
	// the volume stays as it is.
	WriteVolume(ctx context.Context, pool, name string, data []byte) error
	// OpenVolume reads the bytes of a volume's file, over a separate connection. Closing the reader
	// closes that connection, also in the middle of a read.
	OpenVolume(ctx context.Context, pool, name string) (io.ReadCloser, error)
	// OpenTransfer opens a connection for bulk data. The caller closes it.
	OpenTransfer(ctx context.Context) (Transfer, error)
}

// Domains are the guests of one driver of a host, as they are defined and as they are now.
type Domains interface {
	Relocator
	// Domain returns a domain, or ErrNoDomain. It makes three requests at once.
	Domain(ctx context.Context, uuid string) (Domain, error)
	// DomainWith returns a domain whose status is known, or ErrNoDomain. It makes
	// one request.
	DomainWith(ctx context.Context, uuid string, status Status) (Domain, error)
	// DomainByName returns a domain, or ErrNoDomain. It makes one request more than
	// Domain.
	DomainByName(ctx context.Context, name string) (Domain, error)
	// DomainState returns what a domain is doing, or ErrNoDomain, with one request.
	DomainState(ctx context.Context, uuid string) (State, error)
	// AllDomains returns all domains of the host, with two requests and one for each domain. It leaves
	// out domains that vanish meanwhile, and lists those that cannot be described separately.
	AllDomains(ctx context.Context) ([]Domain, []Undescribed, error)
	// DomainsNamed returns the domains of the host whose names match, with two requests and one for
	// each of these domains. It leaves out domains that vanish meanwhile, and lists those that cannot
	// be described separately.
	DomainsNamed(ctx context.Context, match func(name string) bool) ([]Domain, []Undescribed, error)
	// Statuses returns what all domains of the host are doing, by their UUIDs,
	// with two requests.
	Statuses(ctx context.Context) (map[string]Status, error)
	// Allotments returns how much of the host each of its domains may take, running or not, also of
	// domains that novacron did not create. It sees every definition and change that was made before it
	// was called. It makes two requests, and two for each running domain and each domain whose driver
	// lists no figures. It leaves out domains that vanish meanwhile. If the figures of a domain cannot
	// be read, it returns an error that names the domain.
	Allotments(ctx context.Context) ([]Allotment, error)
	// RedefineDomain changes the named fields of a domain's definition and nothing else in it:
	// additions by other tools stay. A running domain keeps its old definition until it is powered
	// off. Concurrent changes of the same domain overwrite each other.
	RedefineDomain(ctx context.Context, uuid string, change DomainChange) error
	// RenameDomain renames a domain that is off. It returns ErrExists if another domain has the name, and
	// ErrUnsupported if the driver cannot rename.
	RenameDomain(ctx context.Context, uuid, name string) error
	// UndefineDomain removes a domain's definition and what belongs to it: managed save image,
	// metadata of snapshots and checkpoints, NVRAM. Disks stay. A running domain continues to run and
	// vanishes when it stops.
	UndefineDomain(ctx context.Context, uuid string) error
	// SetAutostart sets whether a domain starts with its host.
	SetAutostart(ctx context.Context, uuid string, autostart bool) error
	// StartDomain starts a domain. It leaves a running domain as it is.
	StartDomain(ctx context.Context, uuid string) error
	// ResumeDomain resumes a paused domain. It leaves a running domain as it is.
	ResumeDomain(ctx context.Context, uuid string) error
	// ShutdownDomain asks the guest to shut down and does not wait for it: see DomainState. It leaves
	// a domain that is off as it is. With the mode ShutdownAgent, it returns ErrAgentUnresponsive if
	// no agent answers. With a mode of the other kind of guests, it returns ErrUnsupported.
	ShutdownDomain(ctx context.Context, uuid string, mode ShutdownMode) error
	// DestroyDomain powers a domain off. It leaves a domain that is off as it is.
	DestroyDomain(ctx context.Context, uuid string) error
	// HasSavedState reports whether a domain that is shut off would resume where its guest was: its
	// disks are then in the state of a running guest.
	HasSavedState(ctx context.Context, uuid string) (saved bool, err error)
}

// Machines are the virtual machines of a host.
type Machines interface {
	Domains
	// DefineDomain defines a domain without starting it. If another domain has the name or the UUID,
	// it returns ErrExists. A UUID has to be a new one: a domain that has both may be replaced. If the
	// UUID is empty, the host chooses one. It does not look at containers.
	DefineDomain(ctx context.Context, spec DomainSpec) (Domain, error)
	// DiscardSavedState removes the memory that a managed save has kept of a domain, so that the
	// domain boots when it starts. It is not an error if there is none.
	DiscardSavedState(ctx context.Context, uuid string) error
}

// Devices are a guest's devices, some of which can be plugged in while it runs.
type Devices interface {
	// Hardware reads the devices of a running domain's guest, or those that a domain that is off will
	// have, with one request.
	Hardware(ctx context.Context, uuid string) (Hardware, error)
	// PlugDisk plugs a disk into a running guest.
	PlugDisk(ctx context.Context, uuid string, spec DiskSpec) error
	// PlugInterface plugs a network interface into a running guest.
	PlugInterface(ctx context.Context, uuid string, spec InterfaceSpec) error
	// Reconnect moves an interface of a running guest to the network or bridge of the spec, with its
	// tag and filter. The guest keeps the same card: model and MAC address stay.
	Reconnect(ctx context.Context, uuid string, spec InterfaceSpec) error
	// LinkUp gives an interface of a running guest, defined with LinkDown, its carrier.
	LinkUp(ctx context.Context, uuid, name string) error
	// EjectSeed takes the medium out of the drive for the seed of a running guest, even if the guest
	// has locked it. The definition keeps the medium.
	EjectSeed(ctx context.Context, uuid string) error
	// Unplug asks a running guest to release a device and does not wait for it: see Hardware.Has. A
	// guest that is busy with booting may miss the request. It is not an error if the guest does not
	// have the device.
	Unplug(ctx context.Context, uuid string, id DeviceID) error
	// ResizeDomainDisk grows a disk of a running domain, named by its target ("vda"), to a number of
	// bytes; the guest sees it at once. If the domain is not running, it returns ErrOperationInvalid:
	// use ResizeVolume.
	ResizeDomainDisk(ctx context.Context, uuid, target string, bytes uint64) error
	// DiskUsers names the domains whose guests run, in any state, and may write to a volume. It looks
	// at their running state, not their definitions. It makes one request, and one for each running
	// domain.
	DiskUsers(ctx context.Context, v Volume) ([]string, error)
}

// Guests are what can be seen of guests from outside: their addresses and what they send, and what
// their agents say.
type Guests interface {
	// DomainAddresses returns the addresses of a running domain that source knows. It is not an error
	// if there are none yet. If the domain is not running, it returns ErrOperationInvalid; if the
	// source is AddressAgent and there is no agent, ErrAgentUnresponsive.
	DomainAddresses(ctx context.Context, uuid string, source AddressSource) ([]Address, error)
	// Leases returns the addresses that the DHCP server of a network has leased to all guests, with
	// two requests. A network that is inactive or gone has none.
	Leases(ctx context.Context, network string) ([]Address, error)
	// Sent returns the number of packets that a running domain has sent from the interface with that
	// MAC address. If the domain is not running, it returns ErrOperationInvalid.
	Sent(ctx context.Context, uuid, mac string) (packets int64, err error)
	// CPUTime returns how long a running domain has used processors, with one request. If the domain is
	// not running, it returns ErrOperationInvalid.
	CPUTime(ctx context.Context, uuid string) (time.Duration, error)
	// AgentCommand sends a command, a JSON object as in QEMU's guest agent protocol
	// (https://qemu.readthedocs.io/en/latest/interop/qemu-ga-ref.html), to the guest agent and returns
	// its JSON answer. timeout is how long the guest may take, in whole seconds and at least one. If
	// there is no agent, or it does not answer, AgentCommand returns ErrAgentUnresponsive; if the
	// domain has no agent channel, ErrUnsupported.
	//
	// A command holds a worker of libvirtd while it runs, and at most five run at a time: start long
	// commands with guest-exec and ask for their end.
	AgentCommand(ctx context.Context, uuid, command string, timeout time.Duration) (string, error)
}

// Memory is the memory of guests in files: that of one guest can be resumed as many others, each from
// a copy of its file with a head of its own.
type Memory interface {
	// SaveMemory saves the memory of a running guest to a new file of the host, and ends the guest. Only
	// the host can read the file. A pool's refresh makes it a volume. SaveMemory takes as long as ctx
	// allows. It returns ErrOperationInvalid if the guest does not run.
	SaveMemory(ctx context.Context, uuid, path string) error
	// MemoryHeadSize returns how many bytes of a file with a guest's memory are its head, from the first
	// MemoryHeadBegins bytes of the file. An error says that the file is not one, or is not complete. It
	// makes no request.
	MemoryHeadSize(file []byte) (int, error)
	// MemoryHead reads a head. It makes no request.
	MemoryHead(head []byte) (SavedGuest, error)
	// MemoryHeadAs returns the head for a guest of another identity, as long as the one that it
	// replaces, and the definition of that guest. It makes no request.
	MemoryHeadAs(head []byte, id Identity) (as []byte, definition string, err error)
	// DefineAs defines a domain as MemoryHeadAs has described it, without starting it. If another domain
	// has the name or the UUID, it returns ErrExists.
	DefineAs(ctx context.Context, definition string, id Identity) (Domain, error)
	// ResumeMemory runs the guest that the head of a file names, from the memory in the file. The domain
	// is defined already, and off. The file may be removed afterwards. ResumeMemory takes as long as ctx
	// allows. If ctx ends first, the host continues: the guest runs then, or will.
	ResumeMemory(ctx context.Context, path string) error
}

// Node is the machine itself, and what it offers to guests.
type Node interface {
	// URI returns the URI that the host was created with.
	URI() string
	// Info returns what the host is and has. It makes six requests at once.
	Info(ctx context.Context) (Info, error)
	// Self returns a part of Info. It makes two requests at once.
	Self(ctx context.Context) (Self, error)
	// Networks returns all networks of the host, by name: two requests, and one for
	// each network.
	Networks(ctx context.Context) ([]Network, error)
	// Interfaces names the host's network interfaces, including bridges, with one request. An empty
	// list means that libvirt, or its access rules for the user, does not report them.
	Interfaces(ctx context.Context) ([]string, error)
	// NetworkFilters names the network filters of the host, with one request.
	NetworkFilters(ctx context.Context) ([]string, error)
	// PCIDevices returns the PCI devices of the host by their addresses: one request for
	// the list and one for each device.
	PCIDevices(ctx context.Context) ([]PCIDevice, error)
	// Firmwares returns the firmware that libvirt can choose by itself, for domains of that type (kvm
	// or qemu) on the host's default machine: bios, efi. The BIOS also works if it is not listed.
	Firmwares(ctx context.Context, domainType string) ([]string, error)
}

// Transfer is a connection for bulk data. It runs one transfer at a time. After an error that is
// not about the volume, the connection is closed, and further transfers fail with ErrUnreachable.
type Transfer interface {
	// Close closes the transfer's connection.
	Close()
	// Upload writes exactly length bytes of r into a volume at offset. If r ends early, Upload returns
	// io.ErrUnexpectedEOF; if r fails, it returns r's error. It leaves the rest of a longer r unread.
	// A qcow2 volume takes its capacity from the uploaded header; see ResizeVolume. libvirt confirms
	// what it received, not what fitted: check for free space before the upload and verify the volume
	// after it. When ctx ends, Upload may still read from r for a moment.
	Upload(ctx context.Context, pool, volume string, r io.Reader, offset, length int64) error
	// UploadAll is Upload of everything in r, at most length bytes.
	UploadAll(ctx context.Context, pool, volume string, r io.Reader, offset, length int64) error
	// Download writes length bytes of a volume from offset to w; a length of 0 means up to the end. It
	// is not an error if the volume ends earlier. If w fails, Download returns w's error and closes
	// the connection.
	Download(ctx context.Context, pool, volume string, w io.Writer, offset, length int64) error
}
