package library

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/library/planning"
)

// memory is a catalog in memory, for tests that need no host.
type memory struct {
	templates memoryOf[catalog.Template]
	versions  memoryOf[catalog.Version]
	bases     memoryOf[catalog.Base]
	snapshots memoryOf[catalog.Snapshot]
	requests  memoryOf[catalog.ProvisioningRequest]
	places    memoryOf[catalog.Placement]
	resources memoryOf[catalog.ResourcePool]
	machines  memoryOf[catalog.Host]
	ahead     time.Duration // of the test's own clock
}

func (m *memory) Now(context.Context) (time.Time, error)                    { return time.Now().Add(m.ahead), nil }
func (m *memory) Templates() catalog.Collection[catalog.Template]           { return &m.templates }
func (m *memory) Versions() catalog.Collection[catalog.Version]             { return &m.versions }
func (m *memory) Bases() catalog.Collection[catalog.Base]                   { return &m.bases }
func (m *memory) Snapshots() catalog.Collection[catalog.Snapshot]           { return &m.snapshots }
func (m *memory) Requests() catalog.Collection[catalog.ProvisioningRequest] { return &m.requests }
func (m *memory) Placements() catalog.Collection[catalog.Placement]         { return &m.places }
func (m *memory) ResourcePools() catalog.Collection[catalog.ResourcePool]   { return &m.resources }
func (m *memory) Hosts() catalog.Collection[catalog.Host]                   { return &m.machines }

type memoryOf[T any] struct {
	mu   sync.Mutex
	n    int
	docs map[string]catalog.Record[T]
}

func (m *memoryOf[T]) Get(_ context.Context, key string) (catalog.Record[T], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rec, there := m.docs[key]
	if !there {
		return rec, catalog.ErrNotFound
	}
	return rec, nil
}

func (m *memoryOf[T]) List(_ context.Context, prefix string) ([]catalog.Record[T], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []catalog.Record[T]
	for _, key := range slices.Sorted(maps.Keys(m.docs)) {
		if strings.HasPrefix(key, prefix) {
			found = append(found, m.docs[key])
		}
	}
	return found, nil
}

func (m *memoryOf[T]) Create(_ context.Context, key string, value T) (catalog.Record[T], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if rec, there := m.docs[key]; there {
		return rec, catalog.ErrExists
	}
	return m.write(key, value), nil
}

func (m *memoryOf[T]) Replace(_ context.Context, key string, rev catalog.Revision, value T) (catalog.Record[T], error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if rec, there := m.docs[key]; !there {
		return rec, catalog.ErrNotFound
	} else if rec.Revision != rev {
		return rec, catalog.ErrConflict
	}
	return m.write(key, value), nil
}

func (m *memoryOf[T]) write(key string, value T) catalog.Record[T] {
	if m.docs == nil {
		m.docs = map[string]catalog.Record[T]{}
	}
	m.n++
	m.docs[key] = catalog.Record[T]{Key: key, Revision: catalog.Revision(strconv.Itoa(m.n)), Value: value}
	return m.docs[key]
}

func (m *memoryOf[T]) Delete(_ context.Context, key string, rev catalog.Revision) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if rec, there := m.docs[key]; !there {
		return catalog.ErrNotFound
	} else if rec.Revision != rev {
		return catalog.ErrConflict
	}
	delete(m.docs, key)
	return nil
}

// as opens the catalog for a user. Its host has only the pool.
func (m *memory) as(t *testing.T, tenant, user string, groups ...string) *Library {
	t.Helper()
	h := fakehost.New()
	must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), "novacron", "/novacron"))
	return m.on(t, h, tenant, user, groups...)
}

// on is as with the pool of a host.
func (m *memory) on(t *testing.T, h host.Host, tenant, user string, groups ...string) *Library {
	t.Helper()
	l := New(Options{
		Images: imagestore.New(imagestore.Options{Host: h, Pool: "novacron", Documents: m, Tenant: tenant}),
		Store:  m, User: user, Groups: groups,
	})
	l.Removals = planning.NewRemovals(0)
	l.Plan = planning.New(l.Removals)
	return l
}

// version stores a version as registering it would.
func (m *memory) version(t *testing.T, v catalog.Version) {
	t.Helper()
	must.Get[catalog.Record[catalog.Version]](t)(m.versions.Create(t.Context(), v.ID.String(), v))
}
