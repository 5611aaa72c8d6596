package libvirt_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/hosttest"
	conn "github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

// The host in memory, which the tests of other packages use, fulfils the same contract.
func TestRealContract(t *testing.T) {
	h, err := conn.New(conn.Options{URI: virttest.URI(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	hosttest.Run(t, func(t *testing.T) hosttest.Site {
		name := virttest.Unique("pool")
		pool := must.Get[host.Pool](t)(h.CreateDirPool(t.Context(), name, filepath.Join(virttest.OpenDir(t), "pool")))
		on := func(ctx context.Context, do func(*libvirt.Libvirt, libvirt.StoragePool) error) error {
			return h.Call(ctx, "preparing", virterr.Pool(name), false, func(l *libvirt.Libvirt) error {
				ref, err := l.StoragePoolLookupByName(name)
				if err != nil {
					return err
				}
				return do(l, ref)
			})
		}
		t.Cleanup(func() {
			err := on(context.WithoutCancel(t.Context()), func(l *libvirt.Libvirt, ref libvirt.StoragePool) error {
				_ = l.StoragePoolDestroy(ref) // a test may have stopped it
				return l.StoragePoolUndefine(ref)
			})
			if err != nil {
				t.Error(err)
			}
		})
		return hosttest.Site{
			Host: h, Pool: pool,
			StopPool: func(t *testing.T) {
				t.Helper()
				if err := on(t.Context(), func(l *libvirt.Libvirt, ref libvirt.StoragePool) error {
					return l.StoragePoolDestroy(ref)
				}); err != nil {
					t.Fatal(err)
				}
			},
			Root: func(t *testing.T, name string) host.Volume {
				t.Helper()
				return virttest.Root(t, h, pool.Name, name)
			},
			Unique: func() string { return virttest.Unique("dom") },
			UUID:   uniqueUUID,
		}
	})
}

// uniqueUUID is a UUID that no test has had.
func uniqueUUID() string {
	return strings.TrimPrefix(virttest.Unique(""), "virttest--") + "-0000-4000-8000-000000000001"
}

func TestRealGivenUpRequestsAreNotSent(t *testing.T) {
	h, err := conn.New(conn.Options{URI: virttest.URI(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	if _, err := h.Pools(t.Context()); err != nil { // which opens the connection
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	before := h.Calls()
	_, err = h.DefineDomain(ctx, host.DomainSpec{
		Name:      virttest.Unique("dom"),
		Type:      "qemu",
		Sockets:   1,
		Cores:     1,
		MemoryMiB: 64,
	})
	virttest.WantErr(t, err, context.Canceled)
	if sent := h.Calls() - before; sent != 0 {
		t.Errorf("%d requests were sent for a caller that had given up", sent)
	}
}
