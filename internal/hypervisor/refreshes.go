package hypervisor

import (
	"context"
	"sync"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// refreshes lets those who ask at once for a refresh of one pool share the next
// that begins: whatever they want to see was there before it. A refresh looks at
// every volume, and an apply of many instances asks for one for each of them.
type refreshes struct {
	mu   sync.Mutex
	next map[string]*refresh // that have not begun, by pool
	last map[string]*refresh // that began last
}

type refresh struct {
	done chan struct{} // closed at its end
	err  error
	cut  bool // its caller went away
}

// do refreshes a pool by work, or waits for another caller's refresh that begins
// after now.
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

// join finds the next refresh and the one that it comes after; mine says that the
// caller has to carry it out.
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
