// Package domain defines, reads, changes and runs the domains of a libvirt driver. Package host has
// the types that describe them.
package domain

import (
	"context"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/domainxml"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// Domains reads and changes definitions of domains.
type Domains struct {
	client  *rpc.Client
	dialect Dialect
	// validate has libvirt check new definitions against its schema, which takes two thirds of the
	// time of defining a domain. It finds mistakes of this provider, so tests do it: see ValidateDefinitions.
	validate libvirt.DomainDefineFlags
}

// Dialect is how the domains of a driver differ from those of other drivers.
type Dialect struct {
	// Change changes vCPUs and devices of a definition; RedefineDomain has changed the rest.
	Change func(*domainxml.Editor, host.DomainChange) error
	// Relocate replaces paths of files by those on another host, and takes out what belongs to a host.
	Relocate func(e *domainxml.Editor, files map[string]string) error
	// Undefine makes libvirt remove with a definition what would otherwise make it refuse.
	Undefine libvirt.DomainUndefineFlagsValues
	// Figures says that the driver lists figures of its domains.
	Figures bool
}

var machineDialect = Dialect{
	Change:   changeMachine,
	Relocate: relocateMachine,
	Undefine: libvirt.DomainUndefineManagedSave | libvirt.DomainUndefineSnapshotsMetadata |
		libvirt.DomainUndefineCheckpointsMetadata | libvirt.DomainUndefineNvram,
	Figures: true,
}

// ValidateDefinitions has libvirt check new definitions against its schema from now on.
func (ds *Domains) ValidateDefinitions() { ds.validate = libvirt.DomainDefineValidate }

// Machines also defines virtual machines.
type Machines struct{ *Domains }

// Power starts and stops guests.
type Power struct{ client *rpc.Client }

// MachinePower also asks guest agents, and knows about saved memory.
type MachinePower struct {
	*Power
	agents *agents
}

// Devices reads and changes the devices of running guests.
type Devices struct{ client *rpc.Client }

// Guests queries running guests.
type Guests struct {
	client *rpc.Client
	agents *agents
}

// agentWidth is how many guest-agent commands may be in flight. Each command holds one of
// libvirtd's workers (max_workers, 20) until the guest answers.
const agentWidth = 5

// agents makes requests that wait for a guest agent.
type agents struct {
	client *rpc.Client
	slot   chan struct{}
}

// New returns the domains of a client's daemon. It makes no request.
func New(c *rpc.Client) (*Machines, *MachinePower, *Devices, *Guests, *Memory, *Migrator) {
	a, d := &agents{client: c, slot: make(chan struct{}, agentWidth)}, NewDomains(c, machineDialect)
	return &Machines{d}, &MachinePower{NewPower(c), a}, &Devices{c}, &Guests{c, a}, &Memory{c, d}, &Migrator{c}
}

// NewDomains returns the domains of a client's driver.
func NewDomains(c *rpc.Client, d Dialect) *Domains { return &Domains{client: c, dialect: d} }

// NewPower returns what starts and stops the domains of a client's driver.
func NewPower(c *rpc.Client) *Power { return &Power{c} }

// call makes a request that waits for a guest agent, on the connection for such requests. The time
// to wait for a slot does not count.
func (a *agents) call(
	ctx context.Context, op, uuid string, extra time.Duration, fn func(*libvirt.Libvirt, libvirt.Domain) error,
) error {
	ref, err := domainRef(uuid)
	if err != nil {
		return virterr.Fail(op, virterr.Domain(uuid), err)
	}
	select {
	case a.slot <- struct{}{}:
		defer func() { <-a.slot }()
	case <-ctx.Done():
		return virterr.Fail(op, virterr.Domain(uuid), ctx.Err())
	}
	r := rpc.Request{Op: op, Object: virterr.Domain(uuid), Limit: a.client.CallTimeout() + extra}
	return a.client.Agent.Call(ctx, r, func(l *libvirt.Libvirt) error { return fn(l, ref) })
}
