package hypervisor

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/digitalocean/go-libvirt"

	"github.com/novacron/terraform-provider-novacron/internal/libvirt/virterr"
)

// realHost returns the test host; tests that need one are skipped without
// TF_ACC=1, and fail when that is set but no host is named.
func realHost(t testing.TB) *Host {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("needs a libvirt host: set TF_ACC=1 and NOVACRON_URI")
	}
	uri := os.Getenv("NOVACRON_URI")
	if uri == "" {
		t.Fatal("TF_ACC is set, but NOVACRON_URI names no host")
	}
	return newHost(t, Options{URI: uri})
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
	pool = unique("pool")
	path = filepath.Join(openDir(t), "pool")
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

// openDir returns a directory that, unlike t.TempDir, the hypervisor's user can
// enter.
func openDir(t testing.TB) string {
	t.Helper()
	dir := must[string](t)(os.MkdirTemp("", "hvtest"))
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func onPool(t testing.TB, h *Host, pool string, fn func(*libvirt.Libvirt, libvirt.StoragePool) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err := h.call(ctx, "preparing", virterr.Pool(pool), false, func(l *libvirt.Libvirt) error {
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

func unique(what string) string {
	var b [4]byte
	_, _ = rand.Read(b[:])
	return "hvtest-" + what + "-" + hex.EncodeToString(b[:])
}

// wantErr fails the test unless err is an *Error of the kind.
func wantErr(t testing.TB, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Errorf("got %v, want an error that is %q", err, kind)
	}
	if err != nil && !errors.As(err, new(*virterr.Error)) {
		t.Errorf("%v (%T) does not say what was being done", err, err)
	}
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

// differ tells how two values print differently, field by field.
func differ(got, want any) string {
	g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want)
	if g == w {
		return ""
	}
	return "got  " + g + "\nwant " + w
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
