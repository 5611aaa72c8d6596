// Package vm is virtual machines as a kind of instance: domains of QEMU with a cloud-init seed, a
// serial console and, if the image has it, a guest agent.
package vm

import (
	"context"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/coalesce"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm/device"
	"github.com/novacron/terraform-provider-novacron/internal/kind/vm/readiness"
	"github.com/novacron/terraform-provider-novacron/internal/kind/volumes"
)

// Driver is the kind.Driver of virtual machines on one host.
type Driver struct {
	host       host.Host
	inventory  *inventory.Inventory
	volumes    *volumes.Volumes
	networks   *network.Networks
	domainType string // kvm, qemu, or "" for the best that the host offers

	power
	gpus    *gpus
	devices *device.Changer
	waiter  *readiness.Waiter

	heads    *coalesce.Answers[string, []byte] // of the files with the memory of snapshots, by their names
	resuming chan struct{}                     // has one for each guest that is being resumed
}

var _ kind.Driver = (*Driver)(nil)

// New creates the driver of a site. domainType is kvm, qemu, or "" for kvm if the host offers it,
// else qemu.
func New(s kind.Site, domainType string) *Driver {
	d := &Driver{
		host:       s.Host,
		inventory:  s.Inventory,
		volumes:    s.Volumes,
		networks:   s.Networks,
		domainType: domainType,
		gpus:       &gpus{host: s.Host, inventory: s.Inventory, tenant: s.Tenant},
		devices:    device.NewChanger(s.Host, s.Volumes),
		waiter:     readiness.NewWaiter(s.Host, s.Networks, s.Volumes.Pool()),
		heads:      coalesce.NewAnswers[string, []byte](0),
		resuming:   make(chan struct{}, resuming),
	}
	d.power = power{host: s.Host, networks: s.Networks, domainType: d.domainTypeFor}
	return d
}

// Type implements kind.Driver.
func (d *Driver) Type() string { return catalog.TypeVM }

// Capabilities implements kind.Driver.
func (d *Driver) Capabilities() kind.Capabilities {
	return kind.Capabilities{
		Seed:        true,
		Agent:       true,
		HotPlug:     true,
		Console:     true,
		Rename:      true,
		Resume:      true,
		Move:        true,
		Live:        true,
		Overlay:     false,
		Reconfigure: false,
		Grow:        true,
		Status:      false,
		Forget:      true,
		Fresh:       false,
	}
}

// Domains implements kind.Driver.
func (d *Driver) Domains() host.Domains { return d.host }

// Provides implements kind.Mover. Machines share nothing but images.
func (d *Driver) Provides(string) bool { return false }

// Provide implements kind.Mover.
func (d *Driver) Provide(context.Context, host.Pool) (string, error) { return "", host.ErrUnsupported }

// Ready implements kind.Driver.
func (d *Driver) Ready(
	ctx context.Context, i kind.Instance, before kind.Before, conditions []string, first bool,
) error {
	return d.waiter.Await(ctx, i, before.Leases, conditions, first)
}

// domainTypeFor is the domain type to define: as configured, else the best of the host.
func (d *Driver) domainTypeFor(ctx context.Context) (string, error) {
	if d.domainType != "" {
		return d.domainType, nil
	}
	info, err := d.inventory.Info(ctx)
	if err != nil {
		return "", err
	}
	if slices.Contains(info.DomainTypes, "kvm") {
		return "kvm", nil
	}
	return "qemu", nil
}
