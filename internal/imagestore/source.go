package imagestore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/catalog/metadata"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/oci"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/onhost"
)

// binder gives sources the store's host.
type binder struct {
	host   host.Host
	tenant string
	chain  func(context.Context, metadata.Facts, host.DomainDisk) ([]host.Volume, error) // see lineage
}

func newBinder(st *Store) binder {
	chain := func(ctx context.Context, facts metadata.Facts, disk host.DomainDisk) ([]host.Volume, error) {
		return lineage{st.pool, chainReader{st.Base}, st.snapshotsOf, facts}.chain(ctx, disk)
	}
	return binder{st.host, st.tenant, chain}
}

// bind gives a source the store's host, if the source needs one.
func (b binder) bind(s source.Source) source.Source {
	return onhost.Bind(s, &onhost.Host{Machine: b.host, Tenant: b.tenant, Chain: b.chain})
}

// For is a source as the store looks at it for an image of a form. It asks the host for nothing but
// its architecture, for containers.
func (st *Store) For(ctx context.Context, form catalog.Form, s source.Source) (source.Source, error) {
	s = newBinder(st).bind(s)
	if _, already := s.(source.RootSource); already || form == catalog.FormDisk {
		return s, nil
	}
	platform, err := st.platform(ctx, s)
	if err != nil {
		return nil, err
	}
	return source.ForRoot(s, platform), nil
}

// platform is what the containers of the host are for, which a source is to have a root file system for.
func (st *Store) platform(ctx context.Context, s source.Source) (oci.Platform, error) {
	info, err := st.host.Info(ctx)
	if err != nil {
		return oci.Platform{}, err
	}
	platform, known := oci.PlatformOf(info.Arch)
	if !known {
		return oci.Platform{}, fmt.Errorf("looking for the root file system %s: %s has processors of the architecture "+
			"%s, and containers need x86_64 or aarch64", s, st.Site(), info.Arch)
	}
	return platform, nil
}

// Probe looks at a source for an image of a form, as far as that is possible before it is needed,
// wherever the source is, also on the host.
func (st *Store) Probe(ctx context.Context, form catalog.Form, s source.Source) (source.Probe, error) {
	s, err := st.For(ctx, form, s)
	if err != nil {
		return source.Probe{}, err
	}
	return source.Examine(ctx, s)
}

// HasSource reports whether the image of a digest was read from a file with the source's checksum.
func (st *Store) HasSource(ctx context.Context, digest string, s source.Source) (bool, error) {
	want := s.Expected()
	if want == (image.Checksum{}) {
		return false, nil
	}
	if want.String() == digest {
		return true, nil
	}
	base, err := st.Base(ctx, digest)
	if errors.Is(err, catalog.ErrNotFound) {
		return false, nil
	}
	// Images that have only their files in common were read from different files.
	differs := func(r catalog.RootImage) bool { return r.Identity != base.Roots[0].Identity }
	return slices.Contains(base.Sources, want.String()) && !slices.ContainsFunc(base.Roots, differs), err
}

// IsOf reports whether the stored image of a digest is the file with the source's checksum, by
// reading the image back: if the file was registered without a checksum, nothing else tells. It
// knows only images that are stored as they were, and SHA-256. An image that is gone is not the file.
func (st *Store) IsOf(ctx context.Context, known string, s source.Source) (is bool, err error) {
	want := s.Expected()
	if want.Algorithm() != string(digest.SHA256) {
		return false, nil
	}
	form, err := digest.FormOf(known)
	if err != nil {
		return false, err
	}
	if form == digest.SHA256 { // it is what reading the image back would give
		return known == want.String(), nil
	}
	base, err := st.Base(ctx, known)
	if errors.Is(err, catalog.ErrNotFound) || err == nil && (base.Parent != "" || base.IsRootOfImage()) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	conn, err := st.host.OpenTransfer(ctx)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	sum, err := volumes.Digest(ctx, conn, st.poolName, base.Volume, 0, digest.SHA256, nil)
	if errors.Is(err, host.ErrNoVolume) {
		return false, nil
	}
	return sum == want.String(), err
}

// readBefore finds the digest of an image that was read earlier from a file with that checksum, for
// an image of the same form. It returns catalog.ErrNotFound if there is none.
func (h holding) readBefore(ctx context.Context, checksum image.Checksum) (string, error) {
	if checksum == (image.Checksum{}) {
		return "", catalog.ErrNotFound
	}
	if h.Form != catalog.FormRoot && h.index != nil && h.tenant != "" {
		return h.indexed(ctx, checksum)
	}
	fits := func(base catalog.Base) bool { return !base.IsRootOfImage() }
	if h.Form == catalog.FormRoot {
		platform, err := h.platform(ctx, h.Source)
		if err != nil {
			return "", err
		}
		fits = func(base catalog.Base) bool { return isRootFor(platform, base) }
	}
	base, err := h.find(ctx, func(base catalog.Base) bool {
		return fits(base) && slices.Contains(base.Sources, checksum.String()) && base.Digest != checksum.String()
	})
	return base.Digest, err
}

// isRootFor reports whether a base has the root file system of one image, which is for a platform as far
// as it says. That of several images does not say which of them is meant. A file with images for several
// platforms is in as many bases.
func isRootFor(p oci.Platform, base catalog.Base) bool {
	if len(base.Roots) != 1 {
		return false
	}
	architecture := base.Roots[0].Architecture
	return architecture == "" || architecture == p.Architecture
}

// indexed is readBefore for disks, by the pool's index of checksums.
func (h holding) indexed(ctx context.Context, checksum image.Checksum) (string, error) {
	digest, err := h.index.DigestOf(ctx, h.tenant, checksum.String())
	if err != nil {
		return "", err
	}
	rec, err := h.bases.Get(ctx, catalog.BaseKey(digest))
	if err == nil && rec.Value.IsRootOfImage() {
		err = catalog.ErrNotFound
	}
	return digest, err
}

// find finds the first base that is as wanted. It returns catalog.ErrNotFound if there is none.
func (st *Store) find(ctx context.Context, wanted func(catalog.Base) bool) (catalog.Base, error) {
	bases, err := st.bases.List(ctx, "")
	if err != nil {
		return catalog.Base{}, err
	}
	n := slices.IndexFunc(bases, func(base catalog.Record[catalog.Base]) bool { return wanted(base.Value) })
	if n < 0 {
		return catalog.Base{}, catalog.ErrNotFound
	}
	return bases[n].Value, nil
}

// identify returns the options by which an upload claims its base, or finds out that the pool has
// it. The SHA-256 is computed as well where that is worth it. An earlier provider may have stored
// the image: its digest is then the SHA-256. And an image that passes once, and is not compressed, is
// found again by it if its checksum is written later.
func (h holding) identify(ctx context.Context, im *transfer.Image, u *upload) ([]transfer.Option, error) {
	claim := transfer.OnDigest(func(digest string) error {
		u.base.VirtualSize, u.base.StoredSize = im.VirtualSize, im.Size
		return u.claim(ctx, digest)
	})
	if u.reserved != nil { // the SHA-256 is the checksum, and no base has it
		return []transfer.Option{claim}, nil
	}
	once := !im.Plain() && im.Compression == ""
	if !once {
		earlier, err := catalog.Selected(ctx, h.bases, "", func(key string) bool {
			form, err := digest.FormOf(catalog.BaseDigest(key))
			return err == nil && form == digest.SHA256
		})
		if err != nil || !slices.ContainsFunc(earlier, func(base catalog.Record[catalog.Base]) bool {
			return mayHold(base.Value, im)
		}) {
			return []transfer.Option{claim}, err
		}
	}
	return []transfer.Option{claim, transfer.OnSHA256(func(sum string) error {
		rec, err := h.bases.Get(ctx, catalog.BaseKey(sum))
		if err == nil && rec.Value.State == catalog.BaseReady {
			return u.taken(sum)
		}
		if once && !slices.Contains(u.base.Sources, sum) {
			u.base.Sources = append(slices.Clone(u.base.Sources), sum)
		}
		return catalog.IgnoreNotFound(err)
	})}, nil
}

// mayHold reports whether a base can hold an image, as far as is known of it.
func mayHold(base catalog.Base, im *transfer.Image) bool {
	if base.Parent != "" { // of which StoredSize is of the difference
		return im.VirtualSize <= 0 || base.VirtualSize == im.VirtualSize
	}
	return im.Size < 0 || base.StoredSize == im.Size
}

// LeadsTo reports whether a source leads to the image of a version. If nothing else can tell, it
// reads the source. A disk that would have to be captured again does not lead there.
func (st *Store) LeadsTo(ctx context.Context, from source.Source, v catalog.Version) (same bool, err error) {
	form := catalog.FormDisk
	if v.Root != nil {
		form = catalog.FormRoot
	}
	if from, err = st.For(ctx, form, from); err != nil {
		return false, err
	}
	if _, captured := from.(onhost.Captured); captured {
		return false, nil
	}
	if same, err := st.HasSource(ctx, v.Digest, from); same || err != nil {
		return same, err
	}
	want := v.ImageID()
	of, err := source.FormOf(want)
	if err != nil {
		return false, err
	}
	if root, is := from.(source.RootSource); is {
		opened, err := root.OpenRoot(ctx)
		if err != nil {
			return false, err
		}
		got, err := opened.Identity(ctx, of)
		return got == want, errors.Join(err, opened.Close())
	}
	im, err := from.Open(ctx)
	if err != nil {
		return false, err
	}
	got, err := source.Root{Disk: im}.Identity(ctx, of)
	return got == want, errors.Join(err, im.Close())
}
