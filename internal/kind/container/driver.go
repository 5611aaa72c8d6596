// Package container is containers as a kind of instance: domains of libvirt's LXC driver, in which
// nova-init runs an application of an image, or the image's own init. Package initd has what a host
// and nova-init tell each other.
//
// The root of a container is an overlay that nova-init mounts: over the image, which is never written
// to, lies a file system of the instance's own. With a strategy that needs the image, the image is the
// library's own volume, which all such containers share; otherwise the instance has a copy of it.
// With a strategy that resumes guests, what the container writes stays in memory.
package container

import (
	"context"
	"errors"
	"path"
	"sync/atomic"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
	"github.com/novacron/terraform-provider-novacron/internal/kind"
	"github.com/novacron/terraform-provider-novacron/internal/kind/network"
	"github.com/novacron/terraform-provider-novacron/internal/kind/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Driver is the kind.Driver of containers on one host.
type Driver struct {
	host       host.Host
	containers host.Containers
	inventory  *inventory.Inventory
	volumes    *volumes.Volumes
	networks   *network.Networks
	inits      *inits
	bare       atomic.Bool // the host cannot use the driver, and its pool had no volume of a container
}

var _ kind.Driver = (*Driver)(nil)

// New creates the driver of a site. programs are the builds of nova-init.
func New(s kind.Site, programs Programs) *Driver {
	return &Driver{
		host:       s.Host,
		containers: s.Host.Containers(),
		inventory:  s.Inventory,
		volumes:    s.Volumes,
		networks:   s.Networks,
		inits:      newInits(s.Host, s.Inventory, programs),
	}
}

// Type implements kind.Driver.
func (d *Driver) Type() string { return catalog.TypeContainer }

// Capabilities implements kind.Driver. Seed is for containers that run the image's own init; Decide
// refuses it for others.
func (d *Driver) Capabilities() kind.Capabilities {
	return kind.Capabilities{
		Seed:        true,
		Agent:       false,
		HotPlug:     false,
		Rename:      false,
		Resume:      false,
		Move:        true,
		Live:        false,
		Overlay:     true,
		Reconfigure: true,
		Grow:        true,
		Status:      true,
		Forget:      false,
		Fresh:       true,
	}
}

// Domains implements kind.Driver.
func (d *Driver) Domains() host.Domains { return domains{d.containers, d} }

// domains are the containers of a host. A host that cannot use the driver has none, if the library's pool
// has no volume of one. Otherwise the containers may be there all the same, and the driver's error says
// so: nobody may take them for gone.
type domains struct {
	host.Containers
	driver *Driver
}

// none reports whether a host that answers with err has no container: the pool has no volume of one.
func (d domains) none(ctx context.Context, err error) (bool, error) {
	if !host.Driverless(err) {
		return false, err
	}
	found, looked := d.driver.volumes.Which(ctx, naming.IsOfContainer)
	if looked != nil {
		return false, errors.Join(err, looked)
	}
	return len(found) == 0, err
}

func (d domains) noDomain(ctx context.Context, err error) error {
	if none, err := d.none(ctx, err); !none {
		return err
	}
	return errors.Join(host.ErrNoDomain, err)
}

func (d domains) Domain(ctx context.Context, uuid string) (host.Domain, error) {
	found, err := d.Containers.Domain(ctx, uuid)
	return found, d.noDomain(ctx, err)
}

func (d domains) DomainWith(ctx context.Context, uuid string, status host.Status) (host.Domain, error) {
	found, err := d.Containers.DomainWith(ctx, uuid, status)
	return found, d.noDomain(ctx, err)
}

// DomainByName looks for volumes of the container of that name. Without the driver, nobody creates a
// container: if the pool has had no volume of any, it is not looked at again for the names of machines.
func (d domains) DomainByName(ctx context.Context, name string) (host.Domain, error) {
	found, err := d.Containers.DomainByName(ctx, name)
	if !host.Driverless(err) {
		return found, err
	}
	if !d.driver.bare.Load() {
		volumes, looked := d.driver.volumes.Which(ctx, naming.IsOfContainer)
		if looked != nil {
			return found, errors.Join(err, looked)
		}
		tenant, instance := naming.InstanceOf(name)
		for _, volume := range volumes {
			if naming.IsOfContainerNamed(tenant, instance, volume) {
				return found, err
			}
		}
		d.driver.bare.Store(len(volumes) == 0)
	}
	return found, errors.Join(host.ErrNoDomain, err)
}

func (d domains) AllDomains(ctx context.Context) ([]host.Domain, []host.Undescribed, error) {
	all, undescribed, err := d.Containers.AllDomains(ctx)
	if none, err := d.none(ctx, err); !none {
		return all, undescribed, err
	}
	return nil, nil, nil
}

func (d domains) DomainsNamed(
	ctx context.Context, match func(name string) bool,
) ([]host.Domain, []host.Undescribed, error) {
	all, undescribed, err := d.Containers.DomainsNamed(ctx, match)
	if none, err := d.none(ctx, err); !none {
		return all, undescribed, err
	}
	return nil, nil, nil
}

// Statuses are none of containers that are not known: those who look for one ask for it then.
func (d domains) Statuses(ctx context.Context) (map[string]host.Status, error) {
	all, err := d.Containers.Statuses(ctx)
	if host.Driverless(err) {
		return nil, nil
	}
	return all, err
}

// Allotments are none of containers that are not known: machines are created all the same.
func (d domains) Allotments(ctx context.Context) ([]host.Allotment, error) {
	all, err := d.Containers.Allotments(ctx)
	if host.Driverless(err) {
		return nil, nil
	}
	return all, err
}

// errNotResumed is the error of what only drivers with the capability Resume do.
var errNotResumed = errors.New("containers are not resumed from warm snapshots")

// Shape implements kind.Resumer.
func (d *Driver) Shape(context.Context, kind.Blueprint) (catalog.Shape, error) {
	return catalog.Shape{}, errNotResumed
}

// CheckWarm implements kind.Resumer.
func (d *Driver) CheckWarm(kind.Blueprint) finding.List { return nil }

// CheckShape implements kind.Resumer.
func (d *Driver) CheckShape(kind.Blueprint, kind.Blueprint) finding.List { return nil }

// NeedsBoot implements kind.Resumer.
func (d *Driver) NeedsBoot(kind.Blueprint) finding.List { return nil }

// MakeSnapshot implements kind.Resumer.
func (d *Driver) MakeSnapshot(context.Context, kind.SnapshotBuild) (catalog.Snapshot, error) {
	return catalog.Snapshot{}, errNotResumed
}

// Engine implements kind.Resumer.
func (d *Driver) Engine(context.Context) (catalog.Engine, error) {
	return catalog.Engine{}, errNotResumed
}

// Forget implements kind.Driver. The configuration is read at each start, so secrets stay in it.
func (d *Driver) Forget(context.Context, kind.Instance, kind.Blueprint) error { return nil }

// Provides implements kind.Mover: all containers share nova-init.
func (d *Driver) Provides(file string) bool { return naming.IsInit(path.Base(file)) }

// Provide implements kind.Mover.
func (d *Driver) Provide(ctx context.Context, pool host.Pool) (string, error) {
	return d.inits.path(ctx, pool)
}

// Ready implements kind.Driver.
func (d *Driver) Ready(
	ctx context.Context, i kind.Instance, before kind.Before, conditions []string, first bool,
) error {
	w := &waiter{driver: d, instance: i, before: before, began: time.Now()}
	return w.await(ctx, conditions, first)
}
