package library

import (
	"context"
	"strings"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/warm"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// A version is removed with its warm snapshot, and with the image under that. An overlay on the
// snapshot's disk keeps all of them.
func TestAVersionGoesWithItsSnapshot(t *testing.T) {
	const pool, image, overlay = "novacron", "nova.base.x.raw", "mine.qcow2"
	m, h, ctx := &memory{}, fakehost.New(), t.Context()
	must.Get[host.Pool](t)(h.CreateDirPool(ctx, pool, "/pool"))
	l := New(Options{
		Images: imagestore.New(imagestore.Options{Host: h, Pool: pool, Documents: m, Tenant: "shop"}),
		Store:  m, User: "ann",
	})
	must.Get[host.Volume](t)(h.CreateVolume(ctx, pool, host.VolumeSpec{Name: image, Format: "raw", Capacity: 4096}))
	must.Get[catalog.Template](t)(l.CreateTemplate(ctx, catalog.Template{ID: web, Type: catalog.TypeVM}))
	v := catalog.Version{ID: web.Version("1.0.0"), Digest: "sha256:aa", Warm: &catalog.Warm{}}
	m.version(t, v)
	must.Get[catalog.Record[catalog.Base]](t)(m.bases.Create(ctx, catalog.BaseKey(v.Digest), catalog.Base{
		Digest: v.Digest, State: catalog.BaseReady, Volume: image, Format: "raw", Versions: []string{v.ID.String()},
	}))
	on := func(name, below, format string) {
		t.Helper()
		must.Get[host.Volume](t)(h.CreateVolume(ctx, pool, host.VolumeSpec{
			Name: name, Format: "qcow2", Capacity: 4096, Backing: &host.Backing{Path: "/pool/" + below, Format: format},
		}))
	}
	r := warm.Request{Version: v.ID, Digest: v.Digest}
	s := must.Get[catalog.Snapshot](t)(l.Images.Warm().Make(ctx, r,
		func(_ context.Context, s catalog.Snapshot) (catalog.Snapshot, error) {
			on(naming.WarmDisk(s.Stem), image, "raw")
			return s, nil
		}))
	on(overlay, naming.WarmDisk(s.Stem), "qcow2")
	if err := l.RemoveVersion(ctx, v.ID); err == nil || !strings.Contains(err.Error(), overlay) {
		t.Errorf("with an overlay on its snapshot: %v", err)
	}
	if _, err := l.Images.Warm().Snapshot(ctx, r.Key()); err != nil {
		t.Errorf("the version stays, and its snapshot: %v", err)
	}
	if err := h.DeleteVolume(ctx, pool, overlay); err != nil {
		t.Fatal(err)
	}
	if err := l.RemoveVersion(ctx, v.ID); err != nil {
		t.Errorf("with nothing but its snapshot: %v", err)
	}
	for _, name := range must.Get[[]string](t)(h.VolumeNames(ctx, pool)) {
		t.Errorf("left is the volume %s", name)
	}
	left := len(m.versions.docs) + len(m.bases.docs) + len(m.snapshots.docs)
	if left > 0 {
		t.Errorf("left are %d documents", left)
	}
}
