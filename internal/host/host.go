// Package host is a machine that runs guests, as everything above libvirt sees it: what it has, what can be asked of
// it, and how that fails. Package libvirt implements it, and fakehost does so in memory for unit tests; hosttest is the
// contract of both.
package host

import (
	"context"
	"io"
	"time"
)

// Host is one machine. Its methods may be called at the same time. A method that makes requests bounds each of them, ends
// with its context, and returns an *Error that says what was being done to what. Use errors.Is and the values Err… to
// tell errors apart.
type Host interface {
	Pools
	Volumes
	Domains
	Devices
	Guests
	Node
}

// Pools are the storage pools of a host.
type Pools interface {
	// Pool returns a pool, or ErrNoPool.
	Pool(ctx context.Context, name string) (Pool, error)
	// Pools returns all pools of the host, active or not, by name.
	Pools(ctx context.Context) ([]Pool, error)
	// PoolUUID returns the UUID of a pool, or ErrNoPool. It makes no request for a pool that was used before.
	PoolUUID(ctx context.Context, name string) (string, error)
	// PoolUUIDs returns the UUIDs of all pools of the host, active or not, by their names. It makes one request.
	PoolUUIDs(ctx context.Context) (map[string]string, error)
	// CreateDirPool makes sure that a directory pool with this name and path exists,
	// is active and starts with the host. It may be called by several callers at
	// once, also in different processes. A pool with the name but with another type
	// or path gives ErrExists.
	CreateDirPool(ctx context.Context, name, path string) (Pool, error)
	// RefreshPool makes the daemon look at what is in the pool, which it otherwise
	// does not: files that appeared by other means, among them another daemon, are
	// unknown before it, and free space is out of date.
	//
	// libvirt refuses to refresh a pool in which a job runs, such as a clone. Then
	// RefreshPool tries again for a short while and gives up without an error: the
	// daemon that runs those jobs knows its own volumes.
	//
	// Callers that ask at once share a refresh that begins after they asked.
	RefreshPool(ctx context.Context, name string) error
	// Time is the time of day by the clock of whatever keeps a pool's volumes, so that processes on machines whose own clocks
	// differ agree on it. It is never ahead of that clock, and behind it by no more than it took to create one volume. It
	// makes requests only where this Host has not created a volume in the pool yet: then it makes one, and deletes it.
	Time(ctx context.Context, pool string) (time.Time, error)
}

// Volumes are what is in a host's storage pools.
type Volumes interface {
	// Volume returns a volume, ErrNoVolume, ErrNoPool or ErrPoolInactive.
	Volume(ctx context.Context, pool, name string) (Volume, error)
	// Volumes returns the volumes of a pool whose names match: one request for the
	// list and one for each match. A volume that vanishes meanwhile is left out, and
	// those that cannot be described are listed apart.
	Volumes(ctx context.Context, pool string, match func(name string) bool) ([]Volume, []Undescribed, error)
	// VolumeNames returns the names of all volumes of a pool, in no particular
	// order, with one request. It sees what the daemon knows; see RefreshPool.
	VolumeNames(ctx context.Context, pool string) ([]string, error)
	// CreateVolume creates an empty volume, or an overlay when spec has a Backing.
	// Creating a raw volume is exclusive, even between daemons that share the pool's
	// directory: the second caller gets ErrExists. For other formats that is so
	// within one daemon only.
	CreateVolume(ctx context.Context, pool string, spec VolumeSpec) (Volume, error)
	// CloneVolume copies a volume on the host, converting it to spec's format, and
	// grows the copy when spec.Capacity is larger than the source's; zero keeps the
	// source's. It takes as long as ctx allows. When ctx ends first, the host goes
	// on copying: the volume exists then, or will, and cannot be deleted before the
	// host is done.
	//
	// libvirt copies by the format that it has found in the source. Where that is not
	// the source's, before or after the copy, there is no copy, and a *FormatError.
	CloneVolume(ctx context.Context, pool string, spec VolumeSpec, from CloneSource) (Volume, error)
	// ResizeVolume grows a volume of that format, as its user knows it, to capacity
	// bytes; it never shrinks one. A *FormatError says that libvirt would change what
	// it has found in a volume that is known to be something else.
	ResizeVolume(ctx context.Context, pool, name, format string, capacity uint64) error
	// DeleteVolume deletes a volume. It does not notice overlays that need it. A volume
	// that the host is still busy with (an upload whose connection was just closed, a
	// copy that goes on after its caller left) is waited for, a minute at most; then it
	// gives ErrOperationInvalid.
	DeleteVolume(ctx context.Context, pool, name string) error
	// ReadVolume returns a small volume's bytes, as many as it has, over the
	// connection for documents. One that is larger than limit bytes is an error. One that
	// is being created for longer than it takes gives ErrOperationInvalid.
	ReadVolume(ctx context.Context, pool, name string, limit int64) ([]byte, error)
	// ReadVolumeAt returns at most limit bytes of a volume from an offset on, fewer where
	// it ends before, over the connection for documents.
	ReadVolumeAt(ctx context.Context, pool, name string, offset uint64, limit int64) ([]byte, error)
	// WriteVolume writes data to the start of a volume over the connection for
	// documents. What the volume holds beyond that stays.
	WriteVolume(ctx context.Context, pool, name string, data []byte) error
	// OpenVolume reads a volume's bytes as they are in its file, over a connection of
	// its own. Closing the reader closes that, also in the middle of a read.
	OpenVolume(ctx context.Context, pool, name string) (io.ReadCloser, error)
	// OpenTransfer opens a connection for bulk data. The caller closes it.
	OpenTransfer(ctx context.Context) (Transfer, error)
}

// Domains are the guests of a host, as they are defined and as they are now.
type Domains interface {
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
	// AllDomains returns all domains of the host: two requests, and one for each
	// domain. A domain that vanishes meanwhile is left out, and those that cannot be
	// described are listed apart.
	AllDomains(ctx context.Context) ([]Domain, []Undescribed, error)
	// DomainsNamed returns the domains of the host whose names match: two requests,
	// and one for each of these domains. A domain that vanishes meanwhile is left out,
	// and those that cannot be described are listed apart.
	DomainsNamed(ctx context.Context, match func(name string) bool) ([]Domain, []Undescribed, error)
	// Statuses returns what all domains of the host are doing, by their UUIDs,
	// with two requests.
	Statuses(ctx context.Context) (map[string]Status, error)
	// DefineDomain defines a domain without starting it. A name or UUID that another
	// domain has gives ErrExists; an empty UUID lets the host choose one.
	DefineDomain(ctx context.Context, spec DomainSpec) (Domain, error)
	// RedefineDomain changes the named fields of a domain's definition and nothing
	// else in it: whatever other people added stays. A running domain goes on with
	// its old definition until it is powered off. Concurrent changes of the same
	// domain overwrite each other.
	RedefineDomain(ctx context.Context, uuid string, change DomainChange) error
	// RenameDomain gives a domain that is off another name; ErrExists where another
	// domain has it.
	RenameDomain(ctx context.Context, uuid, name string) error
	// UndefineDomain removes a domain's definition and what belongs to it: managed
	// save image, metadata of snapshots and checkpoints, NVRAM. Disks stay. A domain
	// that is running goes on running and vanishes when it stops.
	UndefineDomain(ctx context.Context, uuid string) error
	// SetAutostart sets whether a domain starts with its host.
	SetAutostart(ctx context.Context, uuid string, autostart bool) error
	// StartDomain starts a domain. One that is running already is left as it is.
	StartDomain(ctx context.Context, uuid string) error
	// ResumeDomain lets a paused domain go on. One that is running already is left as it is.
	ResumeDomain(ctx context.Context, uuid string) error
	// ShutdownDomain asks the guest to shut down and does not wait for it: see
	// DomainState. A domain that is off already is left as it is. The mode
	// ShutdownAgent gives ErrAgentUnresponsive where no agent answers.
	ShutdownDomain(ctx context.Context, uuid string, mode ShutdownMode) error
	// DestroyDomain powers a domain off. One that is off already is left as it is.
	DestroyDomain(ctx context.Context, uuid string) error
	// HasSavedState tells whether a domain that is shut off would go on where its
	// guest was: its disks are then as in a guest that runs.
	HasSavedState(ctx context.Context, uuid string) (saved bool, err error)
	// DiscardSavedState removes what a managed save has kept of a domain's memory, so
	// that it boots when it starts. None is no error.
	DiscardSavedState(ctx context.Context, uuid string) error
}

// Devices are what a guest has, and can be given while it runs.
type Devices interface {
	// Hardware reads what the guest of a running domain has, or what one that is off will have, with one request.
	Hardware(ctx context.Context, uuid string) (Hardware, error)
	// PlugDisk plugs a disk into a running guest.
	PlugDisk(ctx context.Context, uuid string, spec DiskSpec) error
	// PlugInterface plugs a network interface into a running guest.
	PlugInterface(ctx context.Context, uuid string, spec InterfaceSpec) error
	// Reconnect moves an interface of a running guest to the network or bridge of the spec, with its tag and filter. The
	// guest goes on with the same card: model and MAC address stay.
	Reconnect(ctx context.Context, uuid string, spec InterfaceSpec) error
	// Unplug asks a running guest to let go of a device and does not wait for it: see Hardware.Has. A guest that is busy
	// with booting may not hear. A device that the guest has not got is no error.
	Unplug(ctx context.Context, uuid string, id DeviceID) error
	// ResizeDomainDisk grows a disk of a running domain, named by its target ("vda"),
	// to a number of bytes; the guest sees it at once. A domain that is not running
	// gives ErrOperationInvalid: use ResizeVolume.
	ResizeDomainDisk(ctx context.Context, uuid, target string, bytes uint64) error
	// DiskUsers names the domains whose guests run, in whatever state, and may write
	// to a volume: as they run, not as they are defined. It makes one request, and
	// one for each running domain.
	DiskUsers(ctx context.Context, v Volume) ([]string, error)
}

// Guests are seen from outside: by the addresses that they were given and what they send, and through their agents.
type Guests interface {
	// DomainAddresses returns the addresses of a running domain that source knows;
	// none yet is not an error. A domain that is not running gives
	// ErrOperationInvalid, AddressAgent without an agent ErrAgentUnresponsive.
	DomainAddresses(ctx context.Context, uuid string, source AddressSource) ([]Address, error)
	// Leases returns the addresses that the DHCP server of a network has leased, of
	// all guests, with two requests. A network that is not active, or is gone, has none.
	Leases(ctx context.Context, network string) ([]Address, error)
	// Sent is how many packets a running domain has sent from the interface of that MAC
	// address. A domain that is not running gives ErrOperationInvalid.
	Sent(ctx context.Context, uuid, mac string) (packets int64, err error)
	// AgentCommand sends a command, a JSON object as in QEMU's guest agent protocol
	// (https://qemu.readthedocs.io/en/latest/interop/qemu-ga-ref.html), to the guest
	// agent and returns its JSON answer. timeout is how long the guest may take, in
	// whole seconds and at least one. No agent, or none that answers, gives
	// ErrAgentUnresponsive; a domain without an agent channel ErrUnsupported.
	//
	// A command holds a worker of libvirtd while it runs, and at most five run at a
	// time: start what takes long with guest-exec and ask for its end.
	AgentCommand(ctx context.Context, uuid, command string, timeout time.Duration) (string, error)
}

// Node is the machine itself, and what it offers to guests.
type Node interface {
	// URI returns the URI that the host was made with.
	URI() string
	// Info returns what the host is and has. It makes six requests at once.
	Info(ctx context.Context) (Info, error)
	// Networks returns all networks of the host, by name: two requests, and one for
	// each network.
	Networks(ctx context.Context) ([]Network, error)
	// Interfaces names the host's network interfaces, bridges among them, with one request. None at all means that libvirt, or
	// what it lets the user see, does not tell.
	Interfaces(ctx context.Context) ([]string, error)
	// NetworkFilters names the network filters of the host, with one request.
	NetworkFilters(ctx context.Context) ([]string, error)
	// PCIDevices returns the PCI devices of the host by their addresses: one request for
	// the list and one for each device.
	PCIDevices(ctx context.Context) ([]PCIDevice, error)
	// Firmwares returns what libvirt can choose by itself, for domains of that type (kvm
	// or qemu) on the host's default machine: bios, efi. The BIOS works also where it is
	// not named.
	Firmwares(ctx context.Context, domainType string) ([]string, error)
}

// Transfer is a connection for bulk data. One transfer runs at a time; after an error that is not about the volume the
// connection is closed, and further transfers fail with ErrUnreachable.
type Transfer interface {
	// Close closes the transfer's connection.
	Close()
	// Upload writes exactly length bytes of r into a volume at offset. An r that
	// ends early gives io.ErrUnexpectedEOF, one that fails its own error; a longer
	// one is left where it is. A qcow2 volume takes its capacity from the header
	// that is uploaded; see ResizeVolume. libvirt confirms what it received, not
	// what fitted: check for free space before and verify after. When ctx ends, r
	// may still be being read for a moment.
	Upload(ctx context.Context, pool, volume string, r io.Reader, offset, length int64) error
	// UploadAll is Upload of all that r has, length bytes at most.
	UploadAll(ctx context.Context, pool, volume string, r io.Reader, offset, length int64) error
	// Download writes length bytes of a volume from offset to w; a length of 0 means
	// up to the end. A volume that ends earlier is not an error. A w that fails
	// gives its own error and closes the connection.
	Download(ctx context.Context, pool, volume string, w io.Writer, offset, length int64) error
}
