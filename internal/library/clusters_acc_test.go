package library

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/acctest/needs"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
	"github.com/novacron/terraform-provider-novacron/internal/source/onhost"
	sourceweb "github.com/novacron/terraform-provider-novacron/internal/source/web"
)

// TestAccCompressedClustersOfAllSizes registers images of all layouts from every kind of source,
// and other images on top of them.
func TestAccCompressedClustersOfAllSizes(t *testing.T) {
	s := newSite(t)
	l := s.library(t)
	s.template(t, l)
	dir := t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(server.Close)
	// Each kind of source has small clusters and large ones; the image package reads all sizes.
	layouts := []struct {
		options string
		kinds   []string
	}{
		{"cluster_size=512", []string{"file"}}, {"cluster_size=8k", []string{"url", "volume"}},
		{"cluster_size=64k,compression_type=zstd", []string{"file", "url"}}, {"cluster_size=2M", []string{"volume"}},
	}
	for n, layout := range layouts {
		options := layout.options
		for m, kind := range layout.kinds {
			t.Run(options+" "+kind, func(t *testing.T) {
				disk := rawImage(t, 4<<20, 1<<20) // a different one each time, or it would be there already
				raw := filepath.Join(dir, "raw")
				if err := os.Rename(disk, raw); err != nil {
					t.Fatal(err)
				}
				path := filepath.Join(dir, fmt.Sprintf("%d-%d.qcow2", n, m))
				needs.Tool(t, "qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", options, raw, path)
				var from source.Source = file.Source{Path: path}
				switch kind {
				case "url":
					from = sourceweb.Source{URL: server.URL + "/" + filepath.Base(path)}
				case "volume":
					needs.Tool(t, "cp", path, s.dir)
					from = onhost.Volume{Name: s.pool + "/" + filepath.Base(path)}
				}
				whole := must.Get[catalog.Version](t)(register(t.Context(), l, fmt.Sprintf("%d.%d.0", n+1, m), from))
				s.wantDisk(t, l, whole, raw)

				after := changed(t, raw, 3, 40)
				on := must.Get[catalog.Version](t)(registerOn(t, l, whole.ID.Version, fmt.Sprintf("%d.%d.1", n+1, m),
					file.Source{Path: after}))
				s.wantDisk(t, l, on, after)
				if on.Transferred > 1<<20 {
					t.Errorf("%d bytes were sent of what has changed in two blocks", on.Transferred)
				}
				third, packed := changed(t, raw, 5), filepath.Join(dir, "again.qcow2")
				needs.Tool(t, "qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", options, third, packed)
				var back source.Source = file.Source{Path: packed}
				if kind == "url" {
					back = sourceweb.Source{URL: server.URL + "/again.qcow2"}
				}
				again := must.Get[catalog.Version](t)(
					registerOn(t, l, on.ID.Version, fmt.Sprintf("%d.%d.2", n+1, m), back))
				s.wantDisk(t, l, again, third)
				if again.Transferred > 1<<20 {
					t.Errorf("%d bytes were sent of what has changed in three blocks", again.Transferred)
				}
				if err := l.VerifyVersion(t.Context(), again.ID); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestAccAnImageLargerThanThePoolIsFoundByThePlan needs to know only how large the pool is.
func TestAccAnImageLargerThanThePoolIsFoundByThePlan(t *testing.T) {
	s, _ := newTightSite(t)
	l := s.library(t)
	source := file.Source{Path: "disk.img"}
	if err := s.conn(t).RefreshPool(t.Context(), s.pool); err != nil {
		t.Fatal(err)
	}
	if err := l.Images.Pool().CheckCapacity(t.Context(), source, 7<<20); err != nil {
		t.Errorf("it has room for it: %v", err)
	}
	const want = `storing disk.img: it has 9 MiB, and the pool`
	if err := l.Images.Pool().CheckCapacity(t.Context(), source, 9<<20); err == nil || err.Error()[:len(want)] != want {
		t.Errorf("the error is %v", err)
	}
}
