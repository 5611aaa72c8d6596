// Package fakehost is a host.Host in memory, for tests that need no guest: it answers at once, and
// it fails where a test wants it to. hosttest checks it against the same contract as libvirt.Conn.
package fakehost

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Host is a machine in memory. It is safe for concurrent use. The fields that it shares with its
// parts, such as Inject and Agent, are set before it is used.
type Host struct {
	*state

	poolRequests
	volumeRequests
	machineRequests
	deviceRequests
	guestRequests
	memoryRequests
	migratorRequests
	nodeRequests
}

// Each part of a host answers the requests of one interface: host.Pools, host.Volumes and so on.
type (
	poolRequests     struct{ *state }
	volumeRequests   struct{ *state }
	domainRequests   struct{ *driver }
	machineRequests  struct{ domainRequests }
	deviceRequests   struct{ *driver }
	guestRequests    struct{ *driver }
	memoryRequests   struct{ *driver }
	migratorRequests struct{ *driver }
	nodeRequests     struct{ *state }
)

// driver is a driver of the host: that of machines, or that of containers.
type driver struct {
	*state
	domains map[string]*domain // by UUID
}

// state is what a host has, and how it answers.
type state struct {
	// Inject makes requests fail; if it is nil, all succeed.
	Inject func(Call) Fault
	// Agent answers commands to guest agents; it is nil if guests have none.
	Agent func(uuid, command string) (answer string, err error)
	// Console returns what a guest writes to its serial console when it starts; it is nil if guests
	// are silent.
	Console func(d host.Domain) []byte
	// Ignores says that guests neither react to the power button nor release devices.
	Ignores bool
	// Peers are the hosts that guests can move to while they run, by the URIs of peers.
	Peers map[string]*Host
	// MigrationTime is how long a guest takes to get there.
	MigrationTime time.Duration
	// CannotRun says why the host cannot run a guest of another host; nil if it can run all.
	CannotRun func(running string) string
	// Torn names domains that the host lists and cannot describe.
	Torn []string
	// The following fields are what the machine offers to guests.
	HasNetworks   []host.Network
	HasInterfaces []string
	HasFilters    []string
	HasPCIDevices []host.PCIDevice
	HasFirmwares  []string
	HasTypes      []string // of domains: qemu, kvm
	HasMemory     uint64   // that is available, in MiB
	HasVersion    string   // of its hypervisor

	// Init acts as process 1 of containers: the host calls it when one has started, with 0, and for each
	// signal that it gets. The container ends if Init returns false. Init may make requests to the host.
	// If it is nil, containers run until they get SIGTERM.
	Init func(d host.Domain, signal host.Signal) (runs bool)
	// NoContainers says that the host does not have the driver of containers.
	NoContainers bool
	// ContainersDown says that the host cannot use the driver of containers.
	ContainersDown bool

	mu         sync.Mutex
	shared     *sync.Mutex // held besides mu while requests are carried out; nil if the host shares no pool
	calls      int
	late       []late // in the order in which they are carried out
	pools      map[string]*pool
	machines   *driver
	containers *driver
	leased     int
}

var (
	_ host.Host       = (*Host)(nil)
	_ host.Pools      = poolRequests{}
	_ host.Volumes    = volumeRequests{}
	_ host.Machines   = machineRequests{}
	_ host.Containers = containerRequests{}
	_ host.Devices    = deviceRequests{}
	_ host.Guests     = guestRequests{}
	_ host.Memory     = memoryRequests{}
	_ host.Migrator   = migratorRequests{}
	_ host.Node       = nodeRequests{}
)

// Call is a request, as Inject sees it.
type Call struct {
	N      int    // of all requests, from 1
	Method string // of host.Host or host.Transfer
	Object string // a name or UUID
}

// Fault is how a request fails. With the zero value, it does not.
type Fault struct {
	Before error // the request fails and is not carried out
	After  error // the request is carried out, and its answer is lost
	// Takes is how long the host takes for the request. Meanwhile, it answers others.
	Takes time.Duration
	// Late makes the host carry out the request after that many other requests, although Before
	// says that it failed: a host continues requests that their callers have given up.
	Late int
}

// late is a request that the host carries out with a later request.
type late struct {
	at int // the number of that request
	do func() error
}

// New returns a host that has the network "default", and no pool.
func New() *Host {
	s := &state{
		pools:         map[string]*pool{},
		HasNetworks:   []host.Network{{Name: "default", Bridge: "virbr0", Active: true, ForwardMode: "nat"}},
		HasInterfaces: []string{"br0", "eth0"},
		HasFilters:    []string{"clean-traffic"},
		HasPCIDevices: []host.PCIDevice{
			{Address: host.PCIAddress{Slot: 1}, Class: 0x060100, ID: "8086:7000", Name: "bridge"},
		},
		HasFirmwares:  []string{"bios", "efi"},
		HasTypes:      []string{"qemu"},
		HasMemory:     48 << 10,
		HasVersion:    "7.2.0",
		MigrationTime: 10 * time.Second,
	}
	m := &driver{s, map[string]*domain{}}
	s.machines, s.containers = m, &driver{s, map[string]*domain{}}
	return &Host{
		state:            s,
		poolRequests:     poolRequests{s},
		volumeRequests:   volumeRequests{s},
		machineRequests:  machineRequests{domainRequests{m}},
		deviceRequests:   deviceRequests{m},
		guestRequests:    guestRequests{m},
		memoryRequests:   memoryRequests{m},
		migratorRequests: migratorRequests{m},
		nodeRequests:     nodeRequests{s},
	}
}

// Calls returns the number of requests that were made.
func (h *Host) Calls() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls
}

// do makes a request: it calls do with the lock held.
func (h *state) do(ctx context.Context, method, object string, do func() error) error {
	fail := func(err error) error { return &host.Error{Op: method, Object: object, Err: err} }
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	var fault Fault
	if h.Inject != nil {
		fault = h.Inject(Call{N: h.calls, Method: method, Object: object})
	}
	if fault.Takes > 0 {
		h.mu.Unlock()
		ended := pause(ctx, fault.Takes)
		h.mu.Lock()
		if ended != nil {
			return fail(ended)
		}
	}
	if fault.Before != nil && fault.Late > 0 {
		h.late = append(h.late, late{h.calls + fault.Late, do})
		slices.SortStableFunc(h.late, func(a, b late) int { return cmp.Compare(a.at, b.at) })
	}
	if fault.Before != nil {
		return fail(fault.Before)
	}
	if h.shared != nil {
		h.shared.Lock()
		defer h.shared.Unlock()
	}
	for len(h.late) > 0 && h.late[0].at < h.calls {
		_ = h.late[0].do() // its caller has its error already
		h.late = h.late[1:]
	}
	if err := do(); err != nil {
		return fail(err)
	}
	if fault.After != nil {
		return fail(fault.After)
	}
	return nil
}

// pause waits, or returns the error of a request whose caller gives up meanwhile.
func pause(ctx context.Context, takes time.Duration) error {
	timer := time.NewTimer(takes)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", host.ErrNoAnswer, ctx.Err())
	}
}
