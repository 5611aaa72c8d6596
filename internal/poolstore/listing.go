package poolstore

import (
	"context"
	"time"
)

// names lists the pool's volumes. The list may be as old as freshness.
func (r *reader) names(ctx context.Context) ([]string, error) {
	r.mu.Lock()
	stale := time.Since(r.refreshed) > freshness
	if stale {
		r.refreshed = time.Now()
	}
	r.mu.Unlock()
	if stale {
		if err := r.pool.volumes.RefreshPool(ctx, r.pool.name); err != nil {
			return nil, err
		}
	}
	names, err := r.pool.volumes.VolumeNames(ctx, r.pool.name)
	if err == nil {
		r.volumes.Store(int64(len(names)))
	}
	return names, err
}

// distrust makes the next listing refresh the pool, because something does not fit the last one.
func (r *reader) distrust() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refreshed = time.Time{}
}
