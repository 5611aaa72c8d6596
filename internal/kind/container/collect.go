package container

import (
	"context"
	"errors"
	"path"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// nova-init goes with the last container of its pool, by whichever process: there is no count of users.
// Containers show by their volumes. A create makes them, and then looks whether nova-init is still there; a
// removal deletes nova-init, and then looks whether such volumes have come. So of a create and a removal that
// run at once, the one that looks later writes nova-init again. If a remover dies between the two, the
// container's next start does.

// UndefineDomain implements host.Domains. The domain's volumes are gone already, unless they are to stay.
// nova-init goes before the domain does, so that a removal that was interrupted is repeated.
func (d domains) UndefineDomain(ctx context.Context, uuid string) error {
	domain, err := d.Containers.DomainWith(ctx, uuid, host.Status{})
	if err != nil {
		return err
	}
	if err := d.driver.release(ctx, domain); err != nil {
		return err
	}
	return d.Containers.UndefineDomain(ctx, uuid)
}

// release removes nova-init from the pool that a container has it in, if the container was the last that
// uses it. Without other containers, the builds of other releases go as well.
func (d *Driver) release(ctx context.Context, domain host.Domain) error {
	program := programOf(domain)
	pool, found, err := d.poolOf(ctx, program)
	if err != nil || !found {
		return err
	}
	last, err := d.inits.collect(ctx, pool)
	if err != nil || last {
		return err
	}
	return d.inits.retire(ctx, pool, program)
}

// poolOf is the pool that has nova-init by a path.
func (d *Driver) poolOf(ctx context.Context, program string) (pool host.Pool, found bool, err error) {
	if !naming.IsInit(path.Base(program)) {
		return pool, false, nil
	}
	return d.volumes.Of(ctx, host.DomainDisk{Path: program})
}

// names are the names of a pool's volumes. Callers share a look that begins after they asked.
func (i *inits) names(ctx context.Context, pool string) ([]string, error) {
	return i.looks.Do(ctx, pool, func() ([]string, error) { return i.host.VolumeNames(ctx, pool) })
}

// allNames is names, and has the host look at the files of the pool, which other hosts may share.
func (i *inits) allNames(ctx context.Context, pool string) ([]string, error) {
	if err := i.host.RefreshPool(ctx, pool); err != nil {
		return nil, err
	}
	return i.host.VolumeNames(ctx, pool)
}

// collect removes all that a pool has of nova-init if no container has volumes there. last is false if one has.
func (i *inits) collect(ctx context.Context, pool host.Pool) (last bool, err error) {
	names, err := i.names(ctx, pool.Name)
	if err != nil || slices.ContainsFunc(names, naming.IsOfContainer) {
		return false, err
	}
	if !slices.ContainsFunc(names, naming.IsInit) {
		return true, nil
	}
	if names, err = i.allNames(ctx, pool.Name); err != nil || slices.ContainsFunc(names, naming.IsOfContainer) {
		return false, err
	}
	i.paths.Forget()
	for _, name := range names {
		if naming.IsInit(name) {
			if err := i.drop(ctx, pool.Name, name); err != nil {
				return true, err
			}
		}
	}
	names, err = i.allNames(ctx, pool.Name)
	if err == nil && slices.ContainsFunc(names, naming.IsOfContainer) {
		_, err = i.path(ctx, pool)
	}
	return true, err
}

// retire removes a build of nova-init that this process does not use itself, once no container does.
func (i *inits) retire(ctx context.Context, pool host.Pool, program string) error {
	p, architecture, err := i.program(ctx)
	if err == nil && path.Base(program) == naming.Init(p.sum, architecture, 1) {
		return nil
	}
	names, err := i.names(ctx, pool.Name)
	if err != nil || !slices.Contains(names, path.Base(program)) {
		return err
	}
	used, err := i.users(ctx, program, func(d host.Domain) bool { // as those are which are being removed
		return !slices.ContainsFunc(d.Filesystems, func(f host.Filesystem) bool {
			return f.Target == statusTarget && slices.Contains(names, path.Base(f.Source))
		})
	})
	if err != nil || used {
		return err
	}
	i.paths.Forget()
	return i.drop(ctx, pool.Name, path.Base(program))
}

// drop deletes a volume of nova-init. Access rules may leave that to others.
func (i *inits) drop(ctx context.Context, pool, name string) error {
	err := step.Uninterrupted(ctx, func(ctx context.Context) error { return i.remove(ctx, pool, name) })
	if errors.Is(err, host.ErrDenied) {
		return nil
	}
	return err
}

// provide makes sure that a container which is off has the nova-init that it is defined with, or gives it
// this provider's.
func (d *Driver) provide(ctx context.Context, uuid, program string) error {
	pool, found, err := d.poolOf(ctx, program)
	if err != nil || !found {
		return err
	}
	stands, err := d.inits.stands(ctx, pool.Name, path.Base(program))
	if err != nil || stands {
		return err
	}
	d.inits.paths.Forget()
	another, err := d.inits.path(ctx, pool)
	if err != nil || another == program {
		return err
	}
	change := host.DomainChange{SetFilesystems: []host.Filesystem{programAt(another)}}
	return step.Certainly(ctx, func(ctx context.Context) error {
		return d.containers.RedefineDomain(ctx, uuid, change)
	})
}

// stands reports whether a volume is there and holds what its name says.
func (i *inits) stands(ctx context.Context, pool, name string) (bool, error) {
	i.mu.Lock()
	trusted := i.trusted[volume{pool, name}]
	i.mu.Unlock()
	if trusted {
		_, err := i.host.Volume(ctx, pool, name)
		if errors.Is(err, host.ErrNoVolume) {
			return false, nil
		}
		return err == nil, err
	}
	text, err := i.read(ctx, pool, name)
	if errors.Is(err, host.ErrNoVolume) {
		return false, nil
	}
	return err == nil && i.holds(pool, name, text), err
}
