package storage

import (
	"context"
	"sync"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// refreshes lets concurrent callers that want one pool refreshed share the next refresh that
// begins: everything that they want to see existed before it. A refresh looks at every volume, and
// an apply of many instances asks for one for each of them.
type refreshes struct {
	mu   sync.Mutex
	next map[string]*refresh // refreshes that have not begun, by pool
	last map[string]*refresh // refreshes that began last, by pool
}

type refresh struct {
	done chan struct{} // closed at its end
	err  error
	cut  bool // its caller gave up
}

// do refreshes a pool with work, or waits for another caller's refresh that begins after now.
func (s *refreshes) do(ctx context.Context, pool string, work func() error) error {
	for {
		r, before, mine := s.join(pool)
		if mine {
			s.run(ctx, pool, r, before, work)
			return r.err
		}
		select {
		case <-ctx.Done():
			return virterr.Fail("refreshing", virterr.Pool(pool), ctx.Err())
		case <-r.done:
			if !r.cut {
				return r.err
			}
		}
	}
}

// join returns the next refresh and the one before it. mine says that the caller must run the
// refresh.
func (s *refreshes) join(pool string) (r, before *refresh, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == nil {
		s.next, s.last = map[string]*refresh{}, map[string]*refresh{}
	}
	if r = s.next[pool]; r == nil {
		r, mine = &refresh{done: make(chan struct{})}, true
		s.next[pool] = r
	}
	return r, s.last[pool], mine
}

func (s *refreshes) run(ctx context.Context, pool string, r, before *refresh, work func() error) {
	defer close(r.done)
	if before != nil {
		select {
		case <-before.done:
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	delete(s.next, pool)
	if ctx.Err() == nil {
		s.last[pool] = r
	}
	s.mu.Unlock()
	if r.err = virterr.Fail("refreshing", virterr.Pool(pool), ctx.Err()); r.err == nil {
		r.err = work()
	}
	r.cut = r.err != nil && ctx.Err() != nil
}

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
// Concurrent callers share a refresh that begins after they asked.
func (p *Pools) RefreshPool(ctx context.Context, name string) error {
	return p.refreshes.do(ctx, name, func() error { return p.refreshPool(ctx, name) })
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
