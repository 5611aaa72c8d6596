package library

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/novacron/terraform-provider-novacron/internal/acctest/must"
	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host/fakehost"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
	"github.com/novacron/terraform-provider-novacron/internal/poolstore"
	"github.com/novacron/terraform-provider-novacron/internal/source/file"
)

// lossy is a catalog that marks a base as complete and loses the answer, once.
type lossy struct {
	*poolstore.Store
	lost *bool
}

func (l lossy) Bases() catalog.Collection[catalog.Base] { return lossyBases{l.Store.Bases(), l.lost} }

type lossyBases struct {
	catalog.Collection[catalog.Base]
	lost *bool
}

var errLost = errors.New("the answer was lost")

func (l lossyBases) Replace(
	ctx context.Context, key string, at catalog.Revision, b catalog.Base,
) (catalog.Record[catalog.Base], error) {
	rec, err := l.Collection.Replace(ctx, key, at, b)
	if err == nil && b.State == catalog.BaseReady && !*l.lost {
		*l.lost = true
		return rec, errLost
	}
	return rec, err
}

// If the answer to marking an image as complete is lost, others may have begun to use it: its
// volume stays.
func TestAnImageThatMayBeCompleteIsKept(t *testing.T) {
	source := file.Source{Path: rawImage(t, 64<<10, 1<<10)}
	synctest.Test(t, func(t *testing.T) {
		ctx, lost := t.Context(), false
		h := fakehost.New()
		if _, err := h.CreateDirPool(ctx, "pool", "/pool"); err != nil {
			t.Fatal(err)
		}
		store := lossy{poolstore.New(h, "pool"), &lost}
		l := New(Options{
			Images: imagestore.New(imagestore.Options{Host: h, Pool: "pool", Documents: store, Tenant: "default"}),
			Store:  store, User: "tester",
		})
		must.Get[catalog.Template](t)(l.CreateTemplate(ctx, catalog.Template{ID: ubuntu, Type: catalog.TypeVM}))
		if _, err := register(ctx, l, "1.0.0", source); !errors.Is(err, errLost) {
			t.Fatalf("got %v", err)
		}
		bases := must.Get[[]catalog.Record[catalog.Base]](t)(store.Bases().List(ctx, ""))
		if len(bases) != 1 || bases[0].Value.State != catalog.BaseReady {
			t.Fatalf("the bases are %+v", bases)
		}
		if _, err := h.Volume(ctx, "pool", bases[0].Value.Volume); err != nil {
			t.Errorf("the image is in the catalog, and its volume is gone: %v", err)
		}
		v := must.Get[catalog.Version](t)(register(ctx, l, "1.0.0", source))
		if base := must.Get[catalog.Base](t)(l.Images.Base(ctx, v.Digest)); base.Volume != bases[0].Value.Volume {
			t.Errorf("the next registration has stored the image in %s", base.Volume)
		}
	})
}
