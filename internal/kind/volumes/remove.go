package volumes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// Remove deletes a volume. It is not an error if the volume is gone already.
func (v *Volumes) Remove(ctx context.Context, pool, name string) error {
	if err := v.host.DeleteVolume(ctx, pool, name); err != nil && !errors.Is(err, host.ErrNoVolume) {
		return err
	}
	return nil
}

// RemoveAll removes every volume of an instance from those pools.
func (v *Volumes) RemoveAll(ctx context.Context, tenant, name string, pools []string) error {
	volumes, err := v.List(ctx, tenant, name, pools)
	if err != nil {
		return err
	}
	return v.DeleteAll(ctx, volumes)
}

// RemoveRemains removes every volume of an instance from those pools that the host knows of, or knew
// of a second ago. Unlike RemoveAll, it does not have the host look at all files of the pools. The
// caller has claimed the instance's name, and has not created a volume yet. If doubt says why the host does
// not know whether a container has the name, RemoveRemains returns it rather than remove a volume of one.
func (v *Volumes) RemoveRemains(ctx context.Context, tenant, name string, pools []string, doubt error) error {
	volumes, err := v.list(tenant, name, pools, func(pool string) ([]string, error) {
		return v.names.Get(ctx, pool, func() ([]string, error) {
			return v.host.VolumeNames(ctx, pool)
		})
	})
	if err != nil {
		return err
	}
	for _, names := range volumes {
		if doubt != nil && slices.ContainsFunc(names, naming.IsOfContainer) {
			return fmt.Errorf("the volumes %s may be those of a container: %w", strings.Join(names, ", "), doubt)
		}
	}
	return v.DeleteAll(ctx, volumes)
}

// List lists every volume of an instance by its pool: those that novacron created, and those that
// the host added beside them (rotated console logs). A pool that does not exist has none. Callers
// share a look at a pool that begins after they asked.
func (v *Volumes) List(ctx context.Context, tenant, name string, pools []string) (map[string][]string, error) {
	return v.list(tenant, name, pools, func(pool string) ([]string, error) {
		return v.all.Do(ctx, pool, func() ([]string, error) {
			if err := v.host.RefreshPool(ctx, pool); err != nil {
				return nil, err
			}
			return v.host.VolumeNames(ctx, pool)
		})
	})
}

// Which returns the volumes of the library's pool that a function picks, as far as the host knows of them.
// A pool that does not exist has none.
func (v *Volumes) Which(ctx context.Context, picks func(name string) bool) ([]string, error) {
	names, err := v.host.VolumeNames(ctx, v.pool)
	if errors.Is(err, host.ErrNoPool) {
		return nil, nil
	}
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !picks(name) }), err
}

// list is List by what the host knows, which names returns for a pool.
func (v *Volumes) list(
	tenant, name string, pools []string, names func(pool string) ([]string, error),
) (map[string][]string, error) {
	found := map[string][]string{}
	for _, pool := range pools {
		names, err := names(pool)
		if errors.Is(err, host.ErrNoPool) && pool != v.pool {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, prefix := range naming.InstancePrefixes(tenant, name) {
			for _, volume := range names {
				if strings.HasPrefix(volume, prefix) {
					found[pool] = append(found[pool], volume)
				}
			}
		}
	}
	return found, nil
}

// DeleteAll deletes volumes of pools. It is not an error if a volume is gone already.
func (v *Volumes) DeleteAll(ctx context.Context, volumes map[string][]string) error {
	group, ctx := errgroup.WithContext(ctx)
	for pool, names := range volumes {
		for _, volume := range names {
			group.Go(func() error {
				err := v.host.DeleteVolume(ctx, pool, volume)
				if errors.Is(err, host.ErrNoVolume) {
					return nil
				}
				return err
			})
		}
	}
	return group.Wait()
}
