package storage

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/dial"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// testHost has the methods of pools and volumes, like a connection.
type testHost struct {
	*rpc.Client
	*poolsOfHost
	*volumesOfHost
}

// These aliases exist because fields with the types' own names would hide methods.
type (
	poolsOfHost   = Pools
	volumesOfHost = Volumes
)

// realHost returns the test host.
func realHost(t testing.TB) *testHost {
	t.Helper()
	return newHost(t, virttest.URI(t), rpc.Options{})
}

func newHost(t testing.TB, uri string, o rpc.Options) *testHost {
	t.Helper()
	c := rpc.New(must.Get[dial.Target](t)(dial.Parse(uri)), o)
	t.Cleanup(c.Close)
	pools := NewPools(c)
	return &testHost{c, pools, NewVolumes(c, pools, naming.DefaultTenant)}
}

// realPool returns a host and an empty directory pool on it, which is removed when the test ends.
func realPool(t testing.TB) (h *testHost, pool, path string) {
	t.Helper()
	h = realHost(t)
	pool, path = newPool(t, h)
	return h, pool, path
}

func newPool(t testing.TB, h *testHost) (pool, path string) {
	t.Helper()
	pool = virttest.Unique("pool")
	path = filepath.Join(virttest.OpenDir(t), "pool")
	if _, err := h.CreateDirPool(t.Context(), pool, path); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		onPool(t, h, pool, func(l *libvirt.Libvirt, ref libvirt.StoragePool) error {
			_ = l.StoragePoolDestroy(ref) // a test may have stopped it
			return l.StoragePoolUndefine(ref)
		})
	})
	return pool, path
}

func onPool(t testing.TB, h *testHost, pool string, fn func(*libvirt.Libvirt, libvirt.StoragePool) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := h.Call(ctx, "preparing", virterr.Pool(pool), false, func(l *libvirt.Libvirt) error {
		ref, err := l.StoragePoolLookupByName(pool)
		if err != nil {
			return err
		}
		return fn(l, ref)
	})
	if err != nil {
		t.Error(err)
	}
}
