package container

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/host/inventory"
)

func someInit(string) (data []byte, digest string, err error) {
	return []byte(strings.Repeat("x", 3*markSize+1)), "sha256:" + strings.Repeat("a", 64), nil
}

// provided has many processes provide nova-init at once, and returns the paths that they were told, and
// the volumes that there are then.
func provided(t *testing.T, h *fakehost.Host, processes int) (paths, volumes []string) {
	t.Helper()
	pool := must.Get[host.Pool](t)(h.Pool(t.Context(), "lib"))
	var mu sync.Mutex
	var group sync.WaitGroup
	for range processes {
		group.Go(func() {
			path, err := newInits(h, inventory.New(h), someInit).path(t.Context(), pool)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			paths = append(paths, path)
		})
	}
	group.Wait()
	slices.Sort(paths)
	volumes = must.Get[[]string](t)(h.VolumeNames(t.Context(), "lib"))
	slices.Sort(volumes)
	return slices.Compact(paths), volumes
}

func TestManyProcessesWriteNovaInitOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakehost.New()
		must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "lib", "/lib"))
		paths, volumes := provided(t, h, 8)
		if len(paths) != 1 || len(volumes) != 1 || paths[0] != "/lib/"+volumes[0] {
			t.Errorf("they have %q of %q", paths, volumes)
		}
	})
}

// A volume whose writer has died is not written to, because that may be asleep: the next one is another.
func TestAnIncompleteNovaInitIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := fakehost.New()
		must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "lib", "/lib"))
		_, sum, _ := someInit("")
		dead := "nova.init." + strings.TrimPrefix(sum, "sha256:") + ".amd64"
		must.Get[host.Volume](t)(h.CreateVolume(t.Context(), "lib", host.VolumeSpec{
			Name: dead, Format: "raw", Capacity: 5 * markSize,
		}))
		began := time.Now()
		paths, volumes := provided(t, h, 3)
		if len(paths) != 1 || paths[0] != "/lib/"+dead+".2" || len(volumes) != 2 || time.Since(began) < initPatience {
			t.Errorf("after %s they have %q of %q", time.Since(began), paths, volumes)
		}
		began = time.Now()
		if paths, _ := provided(t, h, 3); paths[0] != "/lib/"+dead+".2" || time.Since(began) >= initPatience {
			t.Errorf("later, after %s, they have %q", time.Since(began), paths)
		}
	})
}
