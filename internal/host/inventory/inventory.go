// Package inventory knows what a host offers to instances. Within a process, it asks the host each
// question once.
package inventory

import (
	"context"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Asked is the part of a host that an inventory asks.
type Asked interface {
	host.Node
	Pools(ctx context.Context) ([]host.Pool, error)
	PoolUUIDs(ctx context.Context) (map[string]string, error)
}

// Inventory is what one host offers. Its methods return the host's first answer; after an error,
// they ask again. They may be called concurrently.
type Inventory struct {
	host Asked

	info       once[host.Info]
	networks   once[[]host.Network]
	interfaces once[[]string]
	filters    once[[]string]
	pools      once[[]host.Pool]
	poolUUIDs  once[map[string]string]
	devices    once[[]host.PCIDevice]

	mu        sync.Mutex
	firmwares map[string]*once[[]string] // by domain type
}

// New returns the inventory of a host, without asking the host anything yet.
func New(h Asked) *Inventory { return &Inventory{host: h, firmwares: map[string]*once[[]string]{}} }

// URI returns the host's URI.
func (i *Inventory) URI() string { return i.host.URI() }

// Info describes the host.
func (i *Inventory) Info(ctx context.Context) (host.Info, error) {
	return i.info.get(func() (host.Info, error) { return i.host.Info(ctx) })
}

// Networks returns the host's networks, by name.
func (i *Inventory) Networks(ctx context.Context) ([]host.Network, error) {
	return i.networks.get(func() ([]host.Network, error) { return i.host.Networks(ctx) })
}

// Interfaces names the network interfaces of the host itself, as host.Node does.
func (i *Inventory) Interfaces(ctx context.Context) ([]string, error) {
	return i.interfaces.get(func() ([]string, error) { return i.host.Interfaces(ctx) })
}

// NetworkFilters names the host's network filters.
func (i *Inventory) NetworkFilters(ctx context.Context) ([]string, error) {
	return i.filters.get(func() ([]string, error) { return i.host.NetworkFilters(ctx) })
}

// Pools returns the host's storage pools, active or not.
func (i *Inventory) Pools(ctx context.Context) ([]host.Pool, error) {
	return i.pools.get(func() ([]host.Pool, error) { return i.host.Pools(ctx) })
}

// ForgetPools makes the next call of Pools ask again: a pool may be newer than the answer.
func (i *Inventory) ForgetPools() { i.pools.forget() }

// PoolUUIDs returns the UUIDs of the host's pools by their names.
func (i *Inventory) PoolUUIDs(ctx context.Context) (map[string]string, error) {
	return i.poolUUIDs.get(func() (map[string]string, error) { return i.host.PoolUUIDs(ctx) })
}

// ForgetPoolUUIDs makes the next call of PoolUUIDs ask again.
func (i *Inventory) ForgetPoolUUIDs() { i.poolUUIDs.forget() }

// PCIDevices returns the host's PCI devices.
func (i *Inventory) PCIDevices(ctx context.Context) ([]host.PCIDevice, error) {
	return i.devices.get(func() ([]host.PCIDevice, error) { return i.host.PCIDevices(ctx) })
}

// Firmwares returns the firmware that the host has for domains of a type.
func (i *Inventory) Firmwares(ctx context.Context, domainType string) ([]string, error) {
	i.mu.Lock()
	known := i.firmwares[domainType]
	if known == nil {
		known = &once[[]string]{}
		i.firmwares[domainType] = known
	}
	i.mu.Unlock()
	return known.get(func() ([]string, error) { return i.host.Firmwares(ctx, domainType) })
}

// once keeps the first answer to a question.
type once[T any] struct {
	mu    sync.Mutex
	known bool
	value T
}

func (o *once[T]) get(ask func() (T, error)) (T, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known {
		return o.value, nil
	}
	value, err := ask()
	if err == nil {
		o.value, o.known = value, true
	}
	return value, err
}

// forget makes the next get ask again.
func (o *once[T]) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.known = false
}
