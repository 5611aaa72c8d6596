package hypervisor

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virttest"
)

// realHost returns the test host.
func realHost(t testing.TB) *Host {
	t.Helper()
	return newHost(t, Options{URI: virttest.URI(t)})
}

func newHost(t testing.TB, o Options) *Host {
	t.Helper()
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// realPool returns a host and an empty directory pool on it, which the test's
// end removes.
func realPool(t testing.TB) (h *Host, pool, path string) {
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

func onPool(t testing.TB, h *Host, pool string, fn func(*libvirt.Libvirt, libvirt.StoragePool) error) {
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

// sameMetadata compares two elements, which libvirt indents anew.
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
			fmt.Fprintf(&out, "%v", token)
		}
	}
	return plain(a) == plain(b)
}
