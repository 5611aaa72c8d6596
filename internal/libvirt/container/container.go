// Package container defines, changes and runs containers, the domains of libvirt's LXC driver. What
// they have in common with other domains is in package domain.
package container

import (
	"context"
	"fmt"

	"github.com/digitalocean/go-libvirt"
	"golang.org/x/sync/semaphore"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/domain"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// ErrMissing is the error of all requests if the daemon does not have the driver.
var ErrMissing = fmt.Errorf("%w of containers: install libvirt-daemon-driver-lxc on the host (Debian, Ubuntu)",
	host.ErrNoDriver)

// Containers are the containers of a host.
type Containers struct {
	*domains
	*power
	client   *rpc.Client
	machines *domain.Domains
	starts   *semaphore.Weighted
}

var _ host.Containers = (*Containers)(nil)

// These aliases exist because fields with the types' own names would hide methods.
type (
	domains = domain.Domains
	power   = domain.Power
)

// New returns the containers of a client's driver, on a host that also has machines. It makes no
// request.
func New(c *rpc.Client, machines *domain.Domains) *Containers {
	return &Containers{
		domains: domain.NewDomains(c, dialect), power: domain.NewPower(c), client: c, machines: machines,
		starts: semaphore.NewWeighted(startWidth),
	}
}

// Close closes the connections to the driver.
func (cs *Containers) Close() { cs.client.Close() }

// Offered returns nil if the host has the driver, or host.ErrNoDriver.
func (cs *Containers) Offered(ctx context.Context) error {
	return cs.client.Connect(ctx, "looking for", "the driver of containers")
}

// DefineContainer defines a container without starting it. If another container has the name or the
// UUID, or a machine has the name, it returns host.ErrExists.
//
// Each driver has names of its own. So the name is taken first, and then looked up among the machines.
func (cs *Containers) DefineContainer(ctx context.Context, spec host.ContainerSpec) (host.Domain, error) {
	object := virterr.Domain(spec.Name)
	text, err := render(spec)
	if err != nil {
		return host.Domain{}, virterr.Fail("defining", object, err)
	}
	d, _, err := cs.DefineNew(ctx, spec.Name, spec.UUID, text)
	if err != nil {
		return host.Domain{}, err
	}
	taken, err := cs.machines.Named(ctx, spec.Name)
	if err == nil && taken {
		err = virterr.Fail("defining", object, fmt.Errorf("%w: a machine has the name", host.ErrExists))
	}
	if err != nil {
		return host.Domain{}, cs.Undefined(ctx, d.UUID, err)
	}
	return d, nil
}

// SignalContainer sends a signal to process 1 of a running container.
func (cs *Containers) SignalContainer(ctx context.Context, uuid string, signal host.Signal) error {
	return cs.Change(ctx, fmt.Sprintf("sending signal %d to", signal), uuid,
		func(l *libvirt.Libvirt, ref libvirt.Domain) error {
			return l.DomainSendProcessSignal(ref, 1, uint32(signal), 0)
		})
}

// ShutdownDomain asks process 1 of a container to end. The driver's other ways report success and do
// nothing.
func (cs *Containers) ShutdownDomain(ctx context.Context, uuid string, mode host.ShutdownMode) error {
	const op = "shutting down"
	ways := map[host.ShutdownMode]libvirt.DomainShutdownFlagValues{
		host.ShutdownSignal: libvirt.DomainShutdownSignal,
		host.ShutdownInit:   libvirt.DomainShutdownInitctl,
	}
	way, known := ways[mode]
	if !known {
		return virterr.Fail(op, virterr.Domain(uuid), host.ErrUnsupported)
	}
	return cs.Bring(ctx, op, uuid, host.StateShutoff, func(l *libvirt.Libvirt, ref libvirt.Domain) error {
		return l.DomainShutdownFlags(ref, way)
	})
}

// HasSavedState returns false: the driver saves no memory. It makes one request, whether there is
// such a container.
func (cs *Containers) HasSavedState(ctx context.Context, uuid string) (saved bool, err error) {
	_, err = cs.DomainState(ctx, uuid)
	return false, err
}
