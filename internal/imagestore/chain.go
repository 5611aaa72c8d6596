package imagestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/finding"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2/overlay"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// A base may stand on another one, and hold only what differs. The base below lists the volumes
// that stand on it, from before they have any content until after they are gone, and stays for as
// long. Beside a base's volume is the map of its disk's blocks, so that another image can be
// compared with it without reading it.

// MaxDepth is the largest number of bases below another base. A base that would exceed it stands on
// the lowest one again.
const MaxDepth = 8

// below is the base that another one is to stand on.
type below struct {
	transfer.Below
	base catalog.Base
}

// below finds what the base of a version that is compared with another one is to stand on; it
// returns nil if it is to stand on nothing.
func (h holding) below(ctx context.Context, parent *catalog.Version) (*below, error) {
	if parent == nil {
		return nil, nil // no base is a valid answer
	}
	base, err := h.Base(ctx, parent.Digest)
	for err == nil && base.Depth >= MaxDepth {
		base, err = h.lowest(ctx, base)
	}
	var volume host.Volume
	if err == nil {
		volume, err = h.Volume(ctx, base)
	}
	var blocks *blockmap.Map
	if err == nil {
		blocks, err = h.Blocks(ctx, base)
	}
	_, blamed := errors.AsType[interface {
		error
		Attribute() string
	}](err)
	if _, is := errors.AsType[*damagedError](err); blamed || is { // the stored image is not the user's source
		return nil, finding.List{{Path: finding.At("parent_version"), Summary: "Could not compare image",
			Detail: fmt.Sprintf("The stored image "+
				"of version %q cannot be read: %v. Name another version, or leave parent_version out, so that all of "+
				"the image is sent.", parent.ID, err)}}
	}
	if err != nil {
		return nil, fmt.Errorf("comparing the image with version %q: %w", parent.ID, err)
	}
	return &below{transfer.Below{Path: volume.Path, Format: base.Format, Blocks: blocks}, base}, nil
}

// lowest is the base at the bottom of another base's chain.
func (h holding) lowest(ctx context.Context, base catalog.Base) (_ catalog.Base, err error) {
	for err == nil && base.Parent != "" {
		base, err = h.Base(ctx, base.Parent)
	}
	return base, err
}

// adopt adds the upload's volume to the children of the base below, before that volume exists.
func (u *upload) adopt(ctx context.Context, on *below) error {
	if on == nil {
		return nil
	}
	err := u.store.adopt(ctx, on.base.Digest, u.base.Volume, func(b catalog.Base) bool {
		return b.Volume == on.base.Volume
	})
	if errors.Is(err, catalog.ErrNotFound) {
		return fmt.Errorf("the image that version %q was to be compared with is being removed just now: choose "+
			"another parent_version, or leave it out",
			u.version)
	}
	u.adopted = err == nil
	return err
}

// standOn records what the upload's volume is to stand on.
func (u *upload) standOn(on *below) {
	if on != nil {
		u.base.Parent, u.base.Depth, u.parent = on.base.Digest, on.base.Depth+1, on.base
	}
}

// content returns the digest by which the content of a base's volume is known, and the first byte
// that it covers.
func content(b catalog.Base) (digest string, from int64) {
	if b.Parent == "" {
		return b.Digest, 0
	}
	return b.Stored, overlay.DataOffset
}

// Verify reads a stored image back, with everything that it stands on.
func (st *Store) Verify(ctx context.Context, base catalog.Base) error {
	transfer, err := st.host.OpenTransfer(ctx)
	if err != nil {
		return err
	}
	defer transfer.Close()
	for {
		want, from := content(base)
		form, err := digest.FormOf(want)
		var stored string
		if err == nil {
			stored, err = volumes.Digest(ctx, transfer, st.poolName, base.Volume, from, form, nil)
		}
		if err == nil && stored != want {
			err = damaged(st, base, fmt.Sprintf("its digest is %s, not %s", stored, want))
		}
		if err != nil || base.Parent == "" {
			return err
		}
		parent, err := st.Base(ctx, base.Parent)
		var volume host.Volume
		if err == nil {
			volume, err = st.Volume(ctx, base)
		}
		if err == nil {
			err = st.pool.StandsOn(ctx, volume, parent)
		}
		if wrong, ok := errors.AsType[*volumes.NotStandingError](err); ok {
			err = damaged(st, base, wrong.Error())
		}
		if err != nil {
			return err
		}
		base = parent
	}
}

// damagedError says that a stored image differs from what was stored.
type damagedError struct{ text string }

func (e *damagedError) Error() string { return e.text }

func damaged(st *Store, base catalog.Base, how string) error {
	return &damagedError{fmt.Sprintf("reading back the image in volume %q of pool %q: %s: it was written to, or the "+
		"storage has lost something. Register the image again, as another "+
		"version, after those that use it are gone: %s", base.Volume, st.poolName, how,
		strings.Join(versionsOn(base, st.tenant), ", "))}
}

// Blocks reads the map of a base's disk. If there is none, it reads the image once: images that
// arrived in another order have no map, and neither have images that predate maps.
func (st *Store) Blocks(ctx context.Context, base catalog.Base) (*blockmap.Map, error) {
	name := naming.BlockMap(base.Volume)
	volume, err := st.host.Volume(ctx, st.poolName, name)
	if err == nil {
		var r io.ReadCloser
		if r, err = st.host.OpenVolume(ctx, st.poolName, name); err == nil {
			var m *blockmap.Map
			m, err = blockmap.Read(io.LimitReader(r, int64(volume.Physical)))
			err = errors.Join(err, r.Close())
			if err == nil {
				return m, nil
			}
		}
	}
	if !errors.Is(err, host.ErrNoVolume) && !errors.Is(err, blockmap.ErrDamaged) {
		return nil, err
	}
	if base.Parent != "" {
		return nil, fmt.Errorf("the map of its blocks, volume %q of pool %q, is gone or damaged: leave "+
			"parent_version out, or name another version",
			name, st.poolName)
	}
	return mapper{st}.mapBase(ctx, base)
}

// chainReader reads bases with those that they stand on.
type chainReader struct {
	base func(ctx context.Context, digest string) (catalog.Base, error) // see Store.Base
}

// of lists the base of a digest, the one that this stands on, and so on.
func (c chainReader) of(ctx context.Context, digest string) (chain []catalog.Base, err error) {
	for ; digest != ""; digest = chain[len(chain)-1].Parent {
		base, err := c.base(ctx, digest)
		if err != nil {
			return nil, err
		}
		chain = append(chain, base)
	}
	return chain, nil
}

// mapper creates the maps of the blocks of bases.
type mapper struct{ *Store }

// mapBase creates the map of a base that stands alone.
func (m mapper) mapBase(ctx context.Context, base catalog.Base) (blocks *blockmap.Map, err error) {
	volume, err := m.Volume(ctx, base)
	if err != nil {
		return nil, err
	}
	r, err := m.host.OpenVolume(ctx, m.poolName, base.Volume)
	if err != nil {
		return nil, err
	}
	im, err := transfer.FromStream(image.Volume(m.poolName, base.Volume), image.Checksum{}, transfer.Stream{
		Reader: r,
		Size:   int64(volume.Physical),
		Abort:  func(error) { _ = r.Close() },
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, im.Close()) }()
	if string(im.Format) != base.Format {
		return nil, damaged(m.Store, base, fmt.Sprintf("it looks like a %s image, and a %s one was stored",
			im.Format, base.Format))
	}
	if blocks, err = transfer.MapImage(ctx, im); err != nil {
		return nil, err
	}
	if err := m.pool.DeleteVolume(ctx, naming.BlockMap(base.Volume)); err != nil { // a damaged one
		return nil, err
	}
	transfer, err := m.host.OpenTransfer(ctx)
	if err != nil {
		return nil, err
	}
	defer transfer.Close()
	return blocks, m.pool.StoreBlocks(ctx, transfer, base.Volume, blocks)
}
