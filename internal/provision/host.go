package provision

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/novacron/terraform-provider-novacron/internal/host"
)

// Host is what a host offers.
type Host struct {
	host.Info
	Pools    []host.Pool
	Networks []host.Network
}

// Host reads what the host offers as of now.
func (p *Provisioner) Host(ctx context.Context) (Host, error) {
	var h Host
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { h.Info, err = p.host.Info(ctx); return err })
	group.Go(func() (err error) { h.Pools, err = p.host.Pools(ctx); return err })
	group.Go(func() (err error) { h.Networks, err = p.host.Networks(ctx); return err })
	return h, group.Wait()
}
