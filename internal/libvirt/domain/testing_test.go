package domain

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/dial"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/rpc"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/storage"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// connection has all methods of a host. Its fields have different names, because the types' own
// names would hide methods.
type (
	connection struct {
		*rpc.Client
		*pools
		*volumes
		*domains
		*power
		*devices
		*guests
		*memory
	}
	pools   = storage.Pools
	volumes = storage.Volumes
	domains = Machines
	power   = MachinePower
	devices = Devices
	guests  = Guests
	memory  = Memory
)

// realHost returns the test host.
func realHost(t testing.TB) *connection {
	t.Helper()
	c := rpc.New(must.Get[dial.Target](t)(dial.Parse(virttest.URI(t))), rpc.Options{})
	t.Cleanup(c.Close)
	p := storage.NewPools(c)
	h := &connection{Client: c, pools: p, volumes: storage.NewVolumes(c, p, naming.DefaultTenant)}
	h.domains, h.power, h.devices, h.guests, h.memory, _ = New(c)
	h.ValidateDefinitions()
	return h
}

// realPool returns a host and an empty directory pool on it, which is removed when the test ends.
func realPool(t testing.TB) (h *connection, pool, path string) {
	t.Helper()
	h = realHost(t)
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
	return h, pool, path
}

func onPool(t testing.TB, h *connection, pool string, fn func(*libvirt.Libvirt, libvirt.StoragePool) error) {
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

// sameMetadata compares two elements, ignoring libvirt's indentation and prefixes.
func sameMetadata(t testing.TB, a, b string) bool {
	t.Helper()
	plain := func(text string) string {
		var out strings.Builder
		dec := xml.NewDecoder(strings.NewReader(text))
		for {
			token, err := dec.Token()
			if errors.Is(err, io.EOF) {
				return out.String()
			}
			if err != nil {
				t.Fatalf("%q is not XML: %v", text, err)
			}
			if text, ok := token.(xml.CharData); ok {
				if strings.TrimSpace(string(text)) == "" {
					continue
				}
			}
			if start, ok := token.(xml.StartElement); ok {
				start.Attr = slices.DeleteFunc(start.Attr, func(a xml.Attr) bool {
					return a.Name.Space == "xmlns" || a.Name.Local == "xmlns"
				})
				token = start
			}
			fmt.Fprintf(&out, "%v", token)
		}
	}
	return plain(a) == plain(b)
}
