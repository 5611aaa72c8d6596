package onhost_test

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/libvirt"
	"github.com/novacron/terraform-provider-novacron/internal/source/sourcetest"
)

// onTestHost is a ground on a real host, the way to which can be cut.
func onTestHost(t *testing.T) *ground {
	t.Helper()
	test := acctest.RequireHost(t)
	name, dir := test.Pool(t, "source-"+strings.ToLower(rand.Text()[:8]))
	way := test.Faulty(t)
	h, err := libvirt.New(libvirt.Options{URI: way.URI})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	g := &ground{Host: h, pool: host.Pool{Name: name, Path: dir},
		put: func(t *testing.T, volume string, content []byte) {
			t.Helper()
			file := filepath.Join(test.HostPath(dir), volume)
			if err := os.WriteFile(file, content, 0o600); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Remove(file) }) // a test may have deleted it
			if err := h.RefreshPool(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}}
	g.name()
	g.cutOff = sourcetest.Fault{Happen: func(t *testing.T) {
		t.Helper()
		way.Break()
		t.Cleanup(way.Mend)
	}}
	return g
}

func TestAccContract(t *testing.T) {
	t.Run("Volume", func(t *testing.T) {
		sourcetest.Run(t, func(t *testing.T) sourcetest.Site { return onTestHost(t).volumes() })
	})
	t.Run("Root", func(t *testing.T) {
		sourcetest.RunRoots(t, func(t *testing.T) sourcetest.Site { return onTestHost(t).volumes() })
	})
	t.Run("Instance", func(t *testing.T) {
		sourcetest.RunCaptured(t, func(t *testing.T) sourcetest.Site { return onTestHost(t).instances() })
	})
}
