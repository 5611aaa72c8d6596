package provision

import (
	"context"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/coalesce"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore"
)

// sourceAge is how old the answers of sources may be. Instances that are created together share
// them. Whether an image is still there is checked once the instance stands on it.
const sourceAge = time.Second

// sources are what instances are created from and where, as the host has or had it up to sourceAge
// ago.
type sources struct {
	host   host.Host
	store  *imagestore.Store
	images *coalesce.Answers[registered, storedImage]
	pools  *coalesce.Answers[string, host.Pool] // by name
}

// registered is an image as a version was registered with it: a version that is removed and
// registered again may have the same image in another volume.
type registered struct {
	version catalog.VersionID
	at      time.Time
	digest  string
}

// storedImage is an image in the library's pool.
type storedImage struct {
	base   catalog.Base
	volume host.Volume
}

func newSources(h host.Host, store *imagestore.Store) *sources {
	return &sources{
		host: h, store: store,
		images: coalesce.NewAnswers[registered, storedImage](sourceAge),
		pools:  coalesce.NewAnswers[string, host.Pool](sourceAge),
	}
}

// image is the image of a version. It returns catalog.ErrNotFound if the pool does not have it.
func (s *sources) image(ctx context.Context, v catalog.Version) (storedImage, error) {
	return s.images.Get(ctx, registered{v.ID, v.CreatedAt, v.Digest}, func() (i storedImage, err error) {
		if i.base, err = s.store.Base(ctx, v.Digest); err == nil {
			i.volume, err = s.store.Volume(ctx, i.base)
		}
		return i, err
	})
}

// pool is a pool of the host, or host.ErrNoPool.
func (s *sources) pool(ctx context.Context, name string) (host.Pool, error) {
	return s.pools.Get(ctx, name, func() (host.Pool, error) { return s.host.Pool(ctx, name) })
}
