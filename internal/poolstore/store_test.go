package poolstore

import (
	"context"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Site {
		m := newMemory()
		return storetest.Site{Open: func(string) catalog.Store { return New(prompt{process{memory: m}}, "pool") }}
	})
}

func TestRealPoolStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Site {
		pool, _, hosts := realPool(t, 2)
		opened := 0
		return storetest.Site{Slow: true, Open: func(string) catalog.Store {
			opened++
			return New(hosts[opened%len(hosts)], pool)
		}}
	})
}

// prompt is a process whose calls notice, as those to a host do, that their context has ended.
type prompt struct{ process }

func (p prompt) RefreshPool(ctx context.Context, _ string) error { return ctx.Err() }

func (p prompt) VolumeNames(ctx context.Context, pool string) ([]string, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return p.process.VolumeNames(ctx, pool)
}

func (p prompt) ReadVolume(ctx context.Context, pool, name string, limit int64) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return p.process.ReadVolume(ctx, pool, name, limit)
}
