// Package inventory knows what a host offers to instances. Within a process, it asks the host each
// question once.
package inventory

import (
	"context"

	"github.com/novacron/terraform-provider-novacron/internal/coalesce"
	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Asked is the part of a host that an inventory asks.
type Asked interface {
	host.Node
	Pools(ctx context.Context) ([]host.Pool, error)
	PoolUUIDs(ctx context.Context) (map[string]string, error)
}

// Inventory is what one host offers. Its methods return the host's first answer; after an error,
// they ask again. They may be called concurrently: one caller asks, and the others wait for its
// answer. A caller that gives up while it waits gets a *host.Error, with host.ErrNoAnswer if its
// deadline has passed.
type Inventory struct {
	host Asked

	info       coalesce.Answer[host.Info]
	self       coalesce.Answer[host.Self]
	networks   coalesce.Answer[[]host.Network]
	interfaces coalesce.Answer[[]string]
	filters    coalesce.Answer[[]string]
	pools      coalesce.Answer[[]host.Pool]
	poolUUIDs  coalesce.Answer[map[string]string]
	devices    coalesce.Answer[[]host.PCIDevice]

	firmwares *coalesce.Answers[string, []string] // by type of domain
}

// New returns the inventory of a host, without asking the host anything yet.
func New(h Asked) *Inventory {
	return &Inventory{host: h, firmwares: coalesce.NewAnswers[string, []string](0)}
}

// URI returns the host's URI.
func (i *Inventory) URI() string { return i.host.URI() }

// Info describes the host.
func (i *Inventory) Info(ctx context.Context) (host.Info, error) {
	return get(ctx, &i.info, "host information", i.host.Info)
}

// Self returns how the host calls itself. It makes no request once Info is known.
func (i *Inventory) Self(ctx context.Context) (host.Self, error) {
	if info, known := i.info.Known(); known {
		return host.Self{Hostname: info.Hostname, UUID: info.UUID}, nil
	}
	return get(ctx, &i.self, "host information", i.host.Self)
}

// Networks returns the host's networks, by name.
func (i *Inventory) Networks(ctx context.Context) ([]host.Network, error) {
	return get(ctx, &i.networks, "networks", i.host.Networks)
}

// Interfaces names the network interfaces of the host itself, as host.Node does.
func (i *Inventory) Interfaces(ctx context.Context) ([]string, error) {
	return get(ctx, &i.interfaces, "network interfaces", i.host.Interfaces)
}

// NetworkFilters names the host's network filters.
func (i *Inventory) NetworkFilters(ctx context.Context) ([]string, error) {
	return get(ctx, &i.filters, "network filters", i.host.NetworkFilters)
}

// Pools returns the host's storage pools, active or not.
func (i *Inventory) Pools(ctx context.Context) ([]host.Pool, error) {
	return get(ctx, &i.pools, "pools", i.host.Pools)
}

// ForgetPools makes the next call of Pools ask again: a pool may be newer than the answer.
func (i *Inventory) ForgetPools() { i.pools.Forget() }

// PoolUUIDs returns the UUIDs of the host's pools by their names.
func (i *Inventory) PoolUUIDs(ctx context.Context) (map[string]string, error) {
	return get(ctx, &i.poolUUIDs, "the UUIDs of pools", i.host.PoolUUIDs)
}

// ForgetPoolUUIDs makes the next call of PoolUUIDs ask again.
func (i *Inventory) ForgetPoolUUIDs() { i.poolUUIDs.Forget() }

// PCIDevices returns the host's PCI devices.
func (i *Inventory) PCIDevices(ctx context.Context) ([]host.PCIDevice, error) {
	return get(ctx, &i.devices, "PCI devices", i.host.PCIDevices)
}

// Firmwares returns the firmware that the host has for domains of a type.
func (i *Inventory) Firmwares(ctx context.Context, domainType string) ([]string, error) {
	value, err := i.firmwares.Get(ctx, domainType, func() ([]string, error) {
		return i.host.Firmwares(ctx, domainType)
	})
	return value, host.GaveUp("reading", "domain capabilities", err)
}

// get returns the answer to a question. object names what is read.
func get[T any](
	ctx context.Context, known *coalesce.Answer[T], object string, ask func(context.Context) (T, error),
) (T, error) {
	value, err := known.Get(ctx, func() (T, error) { return ask(ctx) })
	return value, host.GaveUp("reading", object, err)
}
