package provision

import (
	"context"
	"errors"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/coalesce"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/library"
)

// sourceAge is how old the answers of sources may be. Instances that are created together share
// them. Whether an image is still there is checked once the instance stands on it.
const sourceAge = time.Second

// sources are what instances are created from and where, as the host has or had it up to sourceAge
// ago.
type sources struct {
	host    host.Host
	library *library.Library
	images  *coalesce.Answers[registered, storedImage]
	copies  coalesce.CallsByKey[registered, struct{}]
	pools   *coalesce.Answers[string, host.Pool] // by name
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

func newSources(h host.Host, l *library.Library) *sources {
	return &sources{
		host: h, library: l,
		images: coalesce.NewAnswers[registered, storedImage](sourceAge),
		pools:  coalesce.NewAnswers[string, host.Pool](sourceAge),
	}
}

func imageOf(v catalog.Version) registered { return registered{v.ID, v.CreatedAt, v.Digest} }

// image is the image of a version, which is copied from another host if only that has it. It returns
// catalog.ErrNotFound if there is no other host.
func (s *sources) image(ctx context.Context, v catalog.Version) (storedImage, error) {
	i, err := s.stored(ctx, v)
	if !s.lacks(err) {
		return i, err
	}
	if err := s.replicate(ctx, v); err != nil {
		return i, err
	}
	return s.stored(ctx, v)
}

// stored is the image of a version. It returns catalog.ErrNotFound if the host's pool does not have it.
func (s *sources) stored(ctx context.Context, v catalog.Version) (storedImage, error) {
	return s.images.Get(ctx, imageOf(v), func() (i storedImage, err error) {
		if i.base, err = s.library.Image(ctx, v); err == nil {
			i.volume, err = s.library.Images.Volume(ctx, i.base)
		}
		return i, err
	})
}

// lacks reports whether an error of stored says that another host may have the image. The volume may
// be gone although the pool's document says that it has one; then it is copied again.
func (s *sources) lacks(err error) bool {
	return s.library.Spread() && (errors.Is(err, catalog.ErrNotFound) || errors.Is(err, host.ErrNoVolume))
}

// replicate copies the image of a version to the host. Instances that are created together share the
// copy.
func (s *sources) replicate(ctx context.Context, v catalog.Version) error {
	_, err := s.copies.Do(ctx, imageOf(v), func() (struct{}, error) { return struct{}{}, s.library.Replicate(ctx, v) })
	return err
}

// pool is a pool of the host, or host.ErrNoPool.
func (s *sources) pool(ctx context.Context, name string) (host.Pool, error) {
	return s.pools.Get(ctx, name, func() (host.Pool, error) { return s.host.Pool(ctx, name) })
}
