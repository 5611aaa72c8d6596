package poolstore

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/storetest"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Site {
		m := newMemory()
		grace := time.Minute // however busy the machine is
		return storetest.Site{
			Open: func(string) catalog.Store {
				s := New(prompt{process{memory: m}}, "pool")
				s.pool.grace = grace
				return s
			},
			Damage: func(key string) {
				grace = time.Second // which writers wait for what is damaged
				for _, name := range m.names() {
					if strings.HasPrefix(name, naming.DocumentStem("template", templates.document(key))) {
						m.volumes[name][50] ^= 1
					}
				}
			},
		}
	})
}

func TestRealPoolStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Site {
		pool, dir, hosts := realPool(t, 2)
		opened := 0
		return storetest.Site{Slow: true, Open: func(string) catalog.Store {
			opened++
			return New(hosts[opened%len(hosts)], pool)
		}, Damage: func(key string) {
			paths := must.Get[[]string](t)(filepath.Glob(
				filepath.Join(dir, naming.DocumentStem("template", templates.document(key))+"*")))
			for _, path := range paths {
				data := must.Get[[]byte](t)(os.ReadFile(path))
				data[50] ^= 1
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
		}}
	})
}

// prompt is a process whose calls notice the end of their context, as calls to a host do.
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
