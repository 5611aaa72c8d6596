package library

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/source/file"
	sourceweb "github.com/novacron/terraform-provider-novacron/internal/source/web"
)

// newTightSite is a site whose pool has 8 MiB. Its files are visible on the host only.
func newTightSite(t *testing.T) (s site, onHost string) {
	t.Helper()
	s = newSite(t)
	onHost = path.Join("/var/lib/libvirt", s.pool)
	s.Exec(t, "mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", onHost)
	t.Cleanup(func() { s.Exec(t, "umount", "--lazy", onHost) }) // the host may still have a deleted volume open
	return s, onHost
}

func TestAccAnImageThatThePoolHasNoRoomForIsRefused(t *testing.T) {
	s, dir := newTightSite(t)
	l := s.library(t)
	s.template(t, l)
	before := s.Exec(t, "ls", dir)
	_, err := register(t.Context(), l, "1.0.0", file.Source{Path: rawImage(t, 12<<20, 12<<20)})
	if err == nil || !strings.Contains(err.Error(), "it takes 12 MiB and the pool has 7 MiB left") {
		t.Errorf("got %v, want an error that says how much room there is", err)
	}
	if left := s.Exec(t, "ls", dir); left != before {
		t.Errorf("in the pool: %q, want as before %q", left, before)
	}
}

// full are the ways in which errors say that a pool has run full: of the host, of an image, and of a document.
var full = []string{"No space left on device", "ran full", "the pool is full"}

// TestAccAPoolThatRunsFullRegistersNothing fills the pool while the image is being sent.
func TestAccAPoolThatRunsFullRegistersNothing(t *testing.T) {
	source := rawImage(t, 6<<20, 6<<20)
	for name, checksum := range map[string]string{"checksum": sumOf(t, source), "no checksum": ""} {
		t.Run(name, func(t *testing.T) {
			s, dir := newTightSite(t)
			l := s.library(t)
			s.template(t, l)
			before := s.Exec(t, "ls", dir)
			server := newStallingServer(t, source, 1<<20)
			go func() {
				s.Exec(t, "sh", "-c", "until ls "+dir+"/nova.base.*.raw 2>/dev/null; do sleep 0.01; done; dd "+
					"if=/dev/zero of="+dir+"/filler bs=64k 2>/dev/null || true")
				close(server.goOn)
			}()
			v, err := register(t.Context(), l, "1.0.0", sourceweb.Source{URL: server.URL, Checksum: checksum})
			if err == nil {
				stored := s.Exec(t, "sh", "-c", "sha256sum "+dir+"/nova.base.*.raw")
				t.Errorf("registered %s although the pool ran full; stored is %s", v.Digest, stored)
			}
			if err == nil || !slices.ContainsFunc(full, func(says string) bool {
				return strings.Contains(err.Error(), says)
			}) {
				t.Errorf("got %v, want an error that says that the pool is full", err)
			}
			s.Exec(t, "rm", dir+"/filler")
			if left := s.Exec(t, "ls", dir); left != before {
				t.Errorf("in the pool: %q, want as before %q", left, before)
			}
		})
	}
}
