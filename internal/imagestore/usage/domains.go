package usage

import (
	"context"
	"errors"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// allDomains returns the domains of all drivers of the host. If the host cannot use the driver of containers
// and the pool has volumes of containers, they may run on: then allDomains returns the driver's error. But if
// the host does not have the driver and shares the pool, they are another host's.
func (use *Usage) allDomains(ctx context.Context) (all []host.Domain, undescribed []host.Undescribed, err error) {
	all, undescribed, err = use.Host.AllDomains(ctx)
	if err != nil {
		return nil, nil, err
	}
	containers, not, err := use.Host.Containers().AllDomains(ctx)
	if host.Driverless(err) {
		return all, undescribed, use.without(ctx, err)
	}
	return append(all, containers...), append(undescribed, not...), err
}

// without returns missing, the error of the driver of containers, if the host may have some.
func (use *Usage) without(ctx context.Context, missing error) error {
	names, err := use.Host.VolumeNames(ctx, use.Pool)
	if errors.Is(err, host.ErrNoPool) {
		return nil
	}
	if err != nil || !slices.ContainsFunc(names, naming.IsOfContainer) {
		return err
	}
	if errors.Is(missing, host.ErrNoDriver) && use.Besides != nil {
		if others, err := use.Besides(ctx); err != nil || len(others) > 0 {
			return err
		}
	}
	return missing
}
