package usage

import (
	"context"
	"fmt"
)

// everywhere are the usages of all hosts that share the pool, beginning with this one.
func (use *Usage) everywhere(ctx context.Context) ([]*Usage, error) {
	if use.Besides == nil {
		return []*Usage{use}, nil
	}
	others, err := use.Besides(ctx)
	return append([]*Usage{use}, others...), err
}

// DependentsOf finds what stands on any of the pool's volumes of these names, on all hosts that share the pool;
// it passes over those that are gone. It looks at the volumes of all pools of files: those of linked clones
// may be in any of them. A volume that several hosts see counts for each of them.
func (use *Usage) DependentsOf(ctx context.Context, names ...string) (Dependents, error) {
	all, err := use.everywhere(ctx)
	if err != nil {
		return Dependents{}, err
	}
	var sum Dependents
	for _, one := range all {
		found, err := one.dependentsOf(ctx, names...)
		if err != nil {
			return Dependents{}, one.located(use, err)
		}
		sum.Overlays = append(sum.Overlays, found.Overlays...)
		sum.doubtful = append(sum.doubtful, found.doubtful...)
		sum.overlooked = append(sum.overlooked, found.overlooked...)
		sum.unseen = append(sum.unseen, found.unseen...)
		sum.hidden = append(sum.hidden, found.hidden...)
		sum.unknown = append(sum.unknown, found.unknown...)
	}
	return sum, nil
}

// located adds to an error on which host that shares the pool it occurred.
func (use *Usage) located(from *Usage, err error) error {
	if use == from {
		return err
	}
	return fmt.Errorf("host %s, which shares the pool: %w", use.Site, err)
}

// Instances are all instances of the hosts that share the pool, as if the pool had the same name on all of
// them. doubtful says that a host has a domain which it cannot describe.
func (use *Usage) Instances(ctx context.Context) (all []Instance, doubtful bool, err error) {
	hosts, err := use.everywhere(ctx)
	if err != nil {
		return nil, false, err
	}
	for _, one := range hosts {
		domains, undescribed, err := one.Domains(ctx)
		if err != nil {
			return nil, false, one.located(use, err)
		}
		doubtful = doubtful || len(undescribed) > 0
		found, err := one.InstancesAmong(domains)
		if err != nil {
			return nil, false, err
		}
		for _, i := range found {
			if i.Library == one.Pool {
				i.Library = use.Pool
			}
			all = append(all, i)
		}
	}
	return all, doubtful, nil
}
