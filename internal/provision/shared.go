package provision

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Hosts may share the library's pool: see imagestore.Store.SharedWith. Then volumes that one of them has of an
// instance may be the disks of a domain on another one. What removes volumes by the instance's name makes sure
// first that no other of these hosts has the instance. A move between them copies nothing: both domains have the
// same disks, and the one that goes leaves them alone.

// Neighbours are the provisioners of other hosts, by the hosts' names.
type Neighbours func(name string) (*Provisioner, bool)

// Introduce makes the provisioners of other hosts known. It is called before the provisioner is used.
func (p *Provisioner) Introduce(n Neighbours) { p.neighbours = n }

// unused returns an error if the library's pool has volumes of an instance's name that may be those of an instance on
// another host which shares the pool: a create would take them for remains.
func (p *Provisioner) unused(ctx context.Context, tenant, name string) error {
	if p.neighbours == nil {
		return nil
	}
	names, gone, err := p.library.Images.SharedLately(ctx)
	if err != nil || len(names)+len(gone) == 0 {
		return err
	}
	found, err := p.volumes.List(ctx, tenant, name, []string{p.library.Pool()})
	if err != nil || len(found) == 0 {
		return err
	}
	if len(gone) > 0 {
		return &SurvivingError{Instance: name, Hosts: gone, Pool: p.library.Pool(), Volumes: found[p.library.Pool()]}
	}
	return p.alone(ctx, tenant, name, "")
}

// alone returns an error if a host that shares the library's pool has an instance of the name, or the domain of the
// UUID, which may be "": volumes of that name are its disks. It also does so if such a host does not answer.
func (p *Provisioner) alone(ctx context.Context, tenant, name, uuid string) error {
	if p.neighbours == nil {
		return nil
	}
	names, _, err := p.library.Images.SharedLately(ctx)
	if err != nil {
		return err
	}
	for _, at := range names {
		other, known := p.neighbours(at)
		if !known {
			continue
		}
		_, domain, err := other.kinds.named(ctx, naming.Domain(tenant, name))
		if errors.Is(err, host.ErrNoDomain) && uuid != "" {
			_, domain, err = other.kinds.definition(ctx, uuid)
		}
		switch {
		case errors.Is(err, host.ErrNoDomain):
		case errors.Is(err, host.ErrNoDriver): // volumes of a container prove nothing there: the pool is shared
		case err != nil:
			return fmt.Errorf("finding out whether host %s, which shares pool %q, has instance %q: %w", at,
				p.library.Pool(), name, err)
		default:
			return &SharedError{Instance: name, Host: at, Pool: p.library.Pool(), UUID: domain.UUID}
		}
	}
	return nil
}

// SurvivingError says that a pool has volumes of an instance's name, which may be the disks that an instance had on
// a lost host.
type SurvivingError struct {
	Instance string
	Hosts    []string // that are lost, and used the pool
	Pool     string
	Volumes  []string
}

func (e *SurvivingError) Error() string {
	return fmt.Sprintf("pool %q has volumes of an instance %q: %s. The pool was shared with the lost host %s, so they "+
		"may be what has survived of an instance there. Copy what you need, and delete them with `virsh vol-delete`; "+
		"or choose another name", e.Pool, e.Instance, strings.Join(e.Volumes, ", "), strings.Join(e.Hosts, ", "))
}

// SharedError says that the volumes of an instance stay, because another host that shares the pool has a domain
// of the instance's name or UUID, whose disks they may be.
type SharedError struct {
	Instance string
	Host     string // the other one
	Pool     string
	UUID     string // of the domain there
}

func (e *SharedError) Error() string {
	return fmt.Sprintf("nothing of instance %q is removed from pool %q: host %s shares the pool and has a domain of "+
		"the instance (UUID %s), whose disks these volumes may be. If they are not, undefine one of the two domains "+
		"with `virsh undefine`, which keeps the volumes", e.Instance, e.Pool, e.Host, e.UUID)
}

// sharesWith reports whether the host shares the library's pool with the host of a name.
func (p *Provisioner) sharesWith(ctx context.Context, name string) (bool, error) {
	if p.neighbours == nil {
		return false, nil
	}
	return p.library.Images.SharesWith(ctx, name)
}

// Shares reports whether an instance that moves here from the host of a name is likely to have its volumes here
// already. Whether it has is found out by the move.
func (p *Provisioner) Shares(ctx context.Context, c Cargo, other string) (bool, error) {
	shared, err := p.library.Images.LooksShared(ctx, other)
	if err != nil || !shared {
		return false, err
	}
	return p.hasAny(ctx, c)
}

// hasAll checks that this host, which shares the library's pool with the instance's, has all volumes of the
// instance under the same paths. It returns a *VacantError if it has not.
func (p *Provisioner) hasAll(ctx context.Context, c Cargo) error {
	for _, part := range c.own() {
		name := p.volumes.TierPool(part.tier)
		pool, err := p.host.Pool(ctx, name)
		if err != nil {
			return err
		}
		if here := pool.Path + "/" + part.volume; path.Clean(here) != path.Clean(part.path) {
			return &VacantError{fmt.Sprintf("it shares pool %q with the instance's host, and would have the volume "+
				"%q as %s, and not as %s", p.library.Pool(), part.volume, here, part.path)}
		}
		if err := p.host.RefreshPool(ctx, name); err != nil {
			return err
		}
		if _, err = p.host.Volume(ctx, name, part.volume); errors.Is(err, host.ErrNoVolume) {
			return &VacantError{fmt.Sprintf("it shares pool %q with the instance's host, and does not see the "+
				"volume %q in its pool %q", p.library.Pool(), part.volume, name)}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hasAny reports whether this host has a volume of the instance.
func (p *Provisioner) hasAny(ctx context.Context, c Cargo) (bool, error) {
	for _, part := range c.own() {
		pool := p.volumes.TierPool(part.tier)
		err := p.host.RefreshPool(ctx, pool)
		if err == nil {
			_, err = p.host.Volume(ctx, pool, part.volume)
		}
		if err == nil || !errors.Is(err, host.ErrNoVolume) && !errors.Is(err, host.ErrNoPool) {
			return err == nil, err
		}
	}
	return false, nil
}

// seen returns an error unless the host sees each volume of an instance that is off as the instance's own host
// does. A pool that was copied once may look like one that is shared.
func (p *Provisioner) seen(ctx context.Context, c Cargo, from *Provisioner) error {
	for _, part := range c.own() {
		name := p.volumes.TierPool(part.tier)
		for _, on := range []struct {
			host host.Host
			pool string
		}{{from.host, part.pool}, {p.host, name}} {
			if err := on.host.RefreshPool(ctx, on.pool); err != nil {
				return err
			}
		}
		there, err := from.host.Volume(ctx, part.pool, part.volume)
		if err != nil {
			return err
		}
		here, err := p.host.Volume(ctx, name, part.volume)
		if err != nil {
			return err
		}
		if here.Capacity != there.Capacity || here.Physical != there.Physical || !here.Modified.Equal(there.Modified) {
			return fmt.Errorf("volume %q of instance %q is not the same on both hosts, although they say that they "+
				"share the pool: %d bytes of %s, and %d bytes of %s", part.volume, c.Instance.Facts.Name,
				there.Physical, there.Modified, here.Physical, here.Modified)
		}
	}
	return nil
}
