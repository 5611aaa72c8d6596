package poolstore

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
)

// note is a document of the tests.
type note struct {
	Count int
	Text  string
}

func notes(s *Store) collection[note] { return collection[note]{s, "note"} }

// realPool makes an empty pool on the test host, and connects to it as often as asked.
func realPool(t *testing.T, connections int) (pool, dir string, hosts []*hypervisor.Host) {
	t.Helper()
	host := acctest.RequireHost(t)
	dir, err := os.MkdirTemp("", "poolstore")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	pool = "poolstore-" + strings.ToLower(rand.Text()[:8])
	for range connections {
		h, err := hypervisor.New(hypervisor.Options{URI: host.URI})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { h.Close() })
		hosts = append(hosts, h)
	}
	if _, err := hosts[0].CreateDirPool(t.Context(), pool, dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		host.Virsh(t, "pool-destroy", pool)
		host.Virsh(t, "pool-undefine", pool)
	})
	return pool, dir, hosts
}

// memory is a pool in memory. Before and after a call it runs what a test wants to happen at that very moment.
type memory struct {
	mu      sync.Mutex
	volumes map[string][]byte
	before  func(call, name string) error
	after   func(call, name string)
}

func newMemory() *memory { return &memory{volumes: map[string][]byte{}} }

func (m *memory) do(call, name string, f func() error) error {
	if m.before != nil {
		if err := m.before(call, name); err != nil {
			return err
		}
	}
	m.mu.Lock()
	err := f()
	m.mu.Unlock()
	if m.after != nil {
		m.after(call, name)
	}
	return err
}

func (m *memory) RefreshPool(context.Context, string) error { return nil }

func (m *memory) VolumeNames(context.Context, string) (names []string, err error) {
	err = m.do("list", "", func() error {
		for name := range m.volumes {
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

func (m *memory) CreateVolume(_ context.Context, _ string, spec hypervisor.VolumeSpec) (hypervisor.Volume, error) {
	return hypervisor.Volume{Name: spec.Name}, m.do("create", spec.Name, func() error {
		if _, there := m.volumes[spec.Name]; there {
			return hypervisor.ErrExists
		}
		m.volumes[spec.Name] = make([]byte, spec.Capacity)
		return nil
	})
}

func (m *memory) ReadVolume(_ context.Context, _, name string, _ int64) (data []byte, err error) {
	err = m.do("read", name, func() error {
		found, there := m.volumes[name]
		if !there {
			return hypervisor.ErrNoVolume
		}
		data = slices.Clone(found)
		return nil
	})
	return data, err
}

func (m *memory) WriteVolume(_ context.Context, _, name string, data []byte) error {
	return m.do("write", name, func() error {
		if _, there := m.volumes[name]; !there {
			return hypervisor.ErrNoVolume
		}
		m.volumes[name] = slices.Clone(data)
		return nil
	})
}

func (m *memory) DeleteVolume(_ context.Context, _, name string) error {
	return m.do("delete", name, func() error {
		if _, there := m.volumes[name]; !there {
			return hypervisor.ErrNoVolume
		}
		delete(m.volumes, name)
		return nil
	})
}

// names lists the pool's volumes in order.
func (m *memory) names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for name := range m.volumes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// volume is what a document's volume holds.
func volume(t testing.TB, n uint64, key string, id catalog.Revision, ancestors []catalog.Revision, value note) []byte {
	t.Helper()
	body := fmt.Sprintf(`{"Count":%d,"Text":%q}`, value.Count, value.Text)
	return must[[]byte](t)(seal(envelope{Kind: "note", Key: key, Number: n, ID: id, Ancestors: ancestors}, []byte(body)))
}
