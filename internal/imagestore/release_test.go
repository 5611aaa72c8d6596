package imagestore

import (
	"context"
	"errors"
	"testing"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
)

// lateHost creates a volume only after it has deleted another one, and fails to refresh its pool
// before that.
type lateHost struct {
	host.Host
	late    string // the volume that it creates late
	after   string // the volume after whose removal it does so
	refused error  // how refreshing the pool fails before that
}

func (h *lateHost) RefreshPool(ctx context.Context, pool string) error {
	return errors.Join(h.refused, h.Host.RefreshPool(ctx, pool))
}

func (h *lateHost) DeleteVolume(ctx context.Context, pool, name string) error {
	err := h.Host.DeleteVolume(ctx, pool, name)
	if err == nil && name == h.after {
		h.refused = nil
		_, err = h.CreateVolume(ctx, pool, host.VolumeSpec{Name: h.late, Format: "raw", Capacity: 4096})
	}
	return err
}

// A host goes on with a request after the process that made it has died: while another process
// removes what that process left, more may appear.
func TestAVolumeThatAppearsLateIsForsakenToo(t *testing.T) {
	for name, refused := range map[string]error{
		"as usual": nil, "the pool cannot be refreshed at first": host.ErrNoAnswer,
	} {
		id, stem := web.Version("1.0.0"), naming.NewBaseStem()
		memory := fakehost.New()
		must.Get[host.Pool](t)(memory.CreateDirPool(t.Context(), "novacron", "/novacron"))
		h := &lateHost{
			Host: memory, after: naming.Base(stem, 1, "raw"), late: naming.Base(stem, 2, "raw"), refused: refused,
		}
		documents := poolstore.New(memory, "novacron")
		s := stored{New(Options{Host: h, Pool: "novacron", Documents: documents, Tenant: "shop"}), documents}
		s.base(t, catalog.Base{
			Digest: digestA, State: catalog.BaseUploading, Volume: h.after, Versions: []string{id.String()},
		})
		must.Get[host.Volume](t)(memory.CreateVolume(t.Context(), "novacron", host.VolumeSpec{
			Name: h.after, Format: "raw", Capacity: 4096,
		}))
		if err := s.Forsake(t.Context(), id, stem); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, volume := range must.Get[[]string](t)(memory.VolumeNames(t.Context(), "novacron")) {
			if naming.IsOfStem(stem, volume) {
				t.Errorf("%s: volume %s stays", name, volume)
			}
		}
		_, err := documents.Bases().Get(t.Context(), catalog.BaseKey(digestA))
		if !errors.Is(err, catalog.ErrNotFound) {
			t.Errorf("%s: the document of the base: %v, want %v", name, err, catalog.ErrNotFound)
		}
	}
}
