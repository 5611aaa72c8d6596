package poolstore

import (
	"compress/gzip"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
)

// note is a document of the tests.
type note struct {
	Count int
	Text  string
}

// notes are documents with one note each.
func notes(s *Store) collection[note] {
	return collection[note]{store: s, layout: layout{kind: "note"}}
}

// shelves hold the notes of a tenant in one document.
func shelves(s *Store) collection[note] {
	return collection[note]{store: s, layout: layout{kind: "shelf", shards: 1, level: gzip.BestSpeed}}
}

// realPool creates an empty pool on the test host, and opens the given number of connections to it.
func realPool(t *testing.T, connections int) (pool, dir string, hosts []*libvirt.Conn) {
	t.Helper()
	host := acctest.RequireHost(t)
	dir, err := os.MkdirTemp("", "poolstore")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	pool = "poolstore-" + strings.ToLower(rand.Text()[:8])
	for range connections {
		h, err := libvirt.New(libvirt.Options{URI: host.URI})
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

// memory is a pool in memory.
type memory struct {
	mu      sync.Mutex
	volumes map[string][]byte
}

func newMemory() *memory { return &memory{volumes: map[string][]byte{}} }

// process is one process's access to a pool in memory. It runs a test's hooks immediately before
// and after a call; if the hook before a call returns an error, the call fails with it.
type process struct {
	*memory
	before func(call, name string) error
	after  func(call, name string)
}

func (p process) do(call, name string, f func(map[string][]byte) error) error {
	if p.before != nil {
		if err := p.before(call, name); err != nil {
			return err
		}
	}
	p.mu.Lock()
	err := f(p.volumes)
	p.mu.Unlock()
	if p.after != nil {
		p.after(call, name)
	}
	return err
}

func (p process) RefreshPool(context.Context, string) error { return nil }

func (p process) VolumeNames(context.Context, string) (names []string, err error) {
	err = p.do("list", "", func(volumes map[string][]byte) error {
		names = slices.Collect(maps.Keys(volumes))
		return nil
	})
	return names, err
}

func (p process) CreateVolume(_ context.Context, _ string, spec host.VolumeSpec) (host.Volume, error) {
	return host.Volume{Name: spec.Name}, p.do("create", spec.Name, func(volumes map[string][]byte) error {
		if _, there := volumes[spec.Name]; there {
			return host.ErrExists
		}
		volumes[spec.Name] = make([]byte, spec.Capacity)
		return nil
	})
}

func (p process) ReadVolume(_ context.Context, _, name string, _ int64) (data []byte, err error) {
	err = p.do("read", name, func(volumes map[string][]byte) error {
		found, there := volumes[name]
		if !there {
			return host.ErrNoVolume
		}
		data = slices.Clone(found)
		return nil
	})
	return data, err
}

func (p process) WriteVolume(_ context.Context, _, name string, data []byte) error {
	return p.do("write", name, func(volumes map[string][]byte) error {
		if _, there := volumes[name]; !there {
			return host.ErrNoVolume
		}
		volumes[name] = slices.Clone(data)
		return nil
	})
}

func (p process) DeleteVolume(_ context.Context, _, name string) error {
	return p.do("delete", name, func(volumes map[string][]byte) error {
		if _, there := volumes[name]; !there {
			return host.ErrNoVolume
		}
		delete(volumes, name)
		return nil
	})
}

func (p process) Time(context.Context, string) (time.Time, error) { return time.Now().UTC(), nil }

// store returns the store of a process without hooks.
func (m *memory) store() *Store { return New(process{memory: m}, "pool") }

// names lists the pool's volumes in order.
func (m *memory) names() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.volumes))
}

// volume returns the contents of the volume of a document with one note.
func volume(t testing.TB, n uint64, key string, id catalog.Revision, ancestors []catalog.Revision, value note) []byte {
	t.Helper()
	sh := must.Get[*shelf](t)(shelfOf(document{}))
	must.Get[entry](t)(sh.find(key))
	sh.put(key, entry{revision: id, value: fmt.Appendf(nil, `{"Count":%d,"Text":%q}`, value.Count, value.Text)})
	pages, body, err := sh.body(gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	return must.Get[[]byte](t)(
		seal(envelope{Kind: "note", Key: key, Number: n, ID: id, Ancestors: ancestors, Pages: pages},
			body))
}

// claimedFor returns the contents of a volume that was claimed for a document and whose writer died
// after that many bytes.
func claimedFor(document []byte, written int) []byte {
	left := make([]byte, claimSize(max(sizeUnit, len(filled(document)))))
	copy(left, document[:written])
	return left
}
