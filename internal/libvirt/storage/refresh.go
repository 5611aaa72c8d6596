package storage

import (
	"context"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// refreshPatience is how long RefreshPool keeps trying while libvirt refuses.
const refreshPatience = 2 * time.Second

// RefreshPool makes the daemon look for changes in the pool, which it does not do on its own: until
// then, the daemon does not know files that appeared by other means, such as another daemon, and
// its figure for free space is out of date.
//
// libvirt refuses to refresh a pool while a job runs in it, such as a clone. Then RefreshPool tries
// again for a short while and gives up without an error: the daemon that runs those jobs knows its
// own volumes.
//
// Concurrent callers share a refresh, which looks at every volume. It begins after they asked, so
// everything that they want to see existed before it.
func (p *Pools) RefreshPool(ctx context.Context, name string) error {
	_, err := p.refreshes.Do(ctx, name, func() (struct{}, error) {
		return struct{}{}, p.refreshPool(ctx, name)
	})
	return host.GaveUp("refreshing", virterr.Pool(name), err)
}

func (p *Pools) refreshPool(ctx context.Context, name string) error {
	for pause := range rpc.Backoff(ctx, refreshPatience) {
		_, err := inPool(ctx, p, "refreshing", virterr.Pool(name), name, false,
			func(l *libvirt.Libvirt, ref libvirt.StoragePool) (struct{}, error) {
				return struct{}{}, l.StoragePoolRefresh(ref, 0)
			})
		if !virterr.HasCode(err, libvirt.ErrInternalError) {
			return err
		}
		if pause() {
			continue
		}
		if ctx.Err() != nil {
			return virterr.Fail("refreshing", virterr.Pool(name), ctx.Err())
		}
		// If a refresh fails for another reason, libvirt stops the pool.
		pool, readErr := p.Pool(ctx, name)
		if readErr == nil && !pool.Active {
			return err
		}
		return readErr
	}
	return nil
}
