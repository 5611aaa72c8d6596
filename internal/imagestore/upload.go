package imagestore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/transfer"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// sendBase sends an image to a new volume and makes it a ready base with the version as
// its first user. It claims the base as soon as the digest is known, which may be before the last
// byte is sent; until then it reserves the image by the checksum of its file. It returns takenError
// if another process did one of the two first. A failure or a cancel leaves neither volume nor
// document.
func (h holding) sendBase(
	ctx context.Context, im *transfer.Image, attempt int, roots []catalog.RootImage,
) (_ catalog.Base, sent int64, err error) {
	none := catalog.Base{}
	below, err := h.below(ctx, h.Parent)
	if err != nil {
		return none, 0, err
	}
	format, size, atLeast := im.Format, im.Size, max(im.Size, im.PackedSize)
	if below != nil { // how much has changed is unknown
		format, size, atLeast = image.FormatQcow2, 0, 0
	}
	room, err := h.pool.CheckRoom(ctx, atLeast)
	if err != nil {
		return none, 0, err
	}
	u := h.newUpload(naming.Base(h.Stem, attempt, string(format)), string(format))
	u.standOn(below)
	u.base.Roots = roots
	defer func() { err = u.rollBackOn(ctx, err) }()
	u.base.VirtualSize, u.base.StoredSize = im.VirtualSize, size
	if im.Compression == "" {
		if err := h.reserve(ctx, u); err != nil {
			return none, 0, err
		}
	}
	options, err := h.identify(ctx, im, u)
	if err != nil {
		return none, 0, err
	}
	options = append(options, transfer.Room(room), transfer.OnProgress(h.Progress))
	if err := u.adopt(ctx, below); err != nil {
		return none, 0, err
	}
	if err := u.create(ctx, max(size, 0)); err != nil {
		return none, 0, err
	}
	conn, err := h.host.OpenTransfer(ctx)
	if err != nil {
		return none, 0, err
	}
	defer conn.Close()
	h.Steps.Done("open")
	done, err := u.send(ctx, im, below, conn, options...)
	if err != nil {
		return none, done.transferred, err
	}
	h.Steps.Done(done.step())
	volume, err := u.recognised(ctx)
	if err == nil && below == nil {
		err = im.CheckStored(ctx, volumes.NewReaderAt(ctx, conn, h.poolName, u.base.Volume))
	}
	if err == nil {
		err = u.kept(ctx, conn, volume, done.transferred+done.shared, h.VerifyFull)
	}
	h.Steps.Done("verify")
	if err == nil && done.blocks != nil {
		err = h.pool.StoreBlocks(ctx, conn, u.base.Volume, done.blocks)
	}
	if err == nil {
		err = u.publish(ctx)
	}
	if err != nil {
		return none, done.transferred, err
	}
	return u.base, done.transferred, nil
}

// upload is a base that is being sent.
type upload struct {
	store   *Store
	version catalog.VersionID
	base    catalog.Base
	parent  catalog.Base // that the base stands on, if it has one
	created bool
	path    string // of the volume on the host
	claimed *catalog.Record[catalog.Base]
	// reserved is the document that claims the checksum of the source's file, until the digest is
	// known; nil without one.
	reserved *catalog.Record[catalog.Base]
	unsure   bool // the document may say that the image is complete
	adopted  bool // its volume is among the parent's children
	stays    bool // if it is a copy, it does not count as one any more once it is complete
}

// newUpload prepares a base in a volume of that name.
func (h holding) newUpload(volume, format string) *upload {
	u := &upload{store: h.Store, version: h.Version, base: catalog.Base{
		State: catalog.BaseUploading, Format: format, Volume: volume, Versions: []string{h.Version.String()},
	}}
	if want := h.Source.Expected(); want != (image.Checksum{}) {
		u.base.Sources = []string{want.String()}
	}
	return u
}

// rollBackOn undoes the upload if there was an error.
func (u *upload) rollBackOn(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	undo, cancel := step.UndoContext(ctx)
	defer cancel()
	if undone := u.undo(undo); undone != nil {
		err = errors.Join(err, &LeftoverError{undone})
	}
	return err
}

// LeftoverError says that something is left of what was undone: the version's claim has to stay, so
// that the leftover is found.
type LeftoverError struct{ error }

func (e *LeftoverError) Unwrap() error { return e.error }

// taken is the error for an upload whose image another process has, or sends, under that digest.
func (u *upload) taken(digest string) error {
	return &takenError{digest: digest, sources: u.base.Sources, roots: u.base.Roots}
}

// reserve reserves the image of an upload. Since this process last looked, another one may have
// reserved it, claimed its digest, and given up the reservation.
func (h holding) reserve(ctx context.Context, u *upload) error {
	checksum := h.Source.Expected()
	if err := u.reserve(ctx, checksum); err != nil || u.reserved == nil {
		return err
	}
	found, err := h.readBefore(ctx, checksum)
	if err == nil { // the list may be older than what another host did last
		_, err = h.bases.Get(ctx, catalog.BaseKey(found))
	}
	if err == nil {
		return &takenError{digest: found}
	}
	return catalog.IgnoreNotFound(err)
}

// reserve claims an image whose digest is not known yet by the SHA-256 of its file, if that is
// known. Other processes that are to register a file of this checksum then wait, instead of sending
// it as well. The document is like that of a base which an earlier provider sends, whose digest was
// that SHA-256.
func (u *upload) reserve(ctx context.Context, checksum image.Checksum) error {
	if checksum.Algorithm() != string(digest.SHA256) {
		return nil
	}
	return u.reserveAs(ctx, checksum.String())
}

// reserveAs claims an image whose digest is not known yet by something that stands for it, of the form
// of a SHA-256.
func (u *upload) reserveAs(ctx context.Context, sum string) error {
	reserved := u.base
	reserved.Digest = sum
	key := catalog.BaseKey(reserved.Digest)
	rec, err := u.store.bases.Create(ctx, key, reserved)
	if errors.Is(err, catalog.ErrExists) {
		return &takenError{digest: reserved.Digest}
	}
	rec.Key = key
	u.reserved = &rec // also after an error: the answer may have been lost
	return err
}

// claim claims the base of a digest, and gives up the reservation, in this order: a process that
// waited for the reservation finds the base by its Sources. If another process has changed the
// reservation, that process took this one for dead, and removes the volume.
func (u *upload) claim(ctx context.Context, digest string) error {
	u.base.Digest = digest
	rec, err := u.store.bases.Create(ctx, catalog.BaseKey(digest), u.base)
	if errors.Is(err, catalog.ErrExists) {
		return u.taken(digest)
	}
	rec.Key = catalog.BaseKey(digest)
	u.claimed = &rec // also after an error: the answer may have been lost
	if err != nil || u.reserved == nil {
		return err
	}
	err = u.store.bases.Delete(ctx, u.reserved.Key, u.reserved.Revision)
	if errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrNotFound) {
		return u.taken(u.reserved.Value.Digest)
	}
	if err == nil {
		u.reserved = nil
	}
	return err
}

// withdraw deletes a document of the upload; nil is none. If another process took this one for
// dead, it has deleted the document, and there may be another one.
func (u *upload) withdraw(ctx context.Context, document *catalog.Record[catalog.Base]) error {
	if document == nil {
		return nil
	}
	for {
		rec, err := u.store.bases.Get(ctx, document.Key)
		if err == nil && rec.Value.Volume == u.base.Volume {
			err = u.store.bases.Delete(ctx, rec.Key, rec.Revision)
		}
		if !errors.Is(err, catalog.ErrConflict) {
			return catalog.IgnoreNotFound(err)
		}
	}
}

// create makes the volume raw and empty, for any image: holes are not sent, so they must
// read as zeros. A cancel does not interrupt it, because then the process would not know whether
// there is something to undo.
func (u *upload) create(ctx context.Context, size int64) error {
	spec := host.VolumeSpec{Name: u.base.Volume, Format: "raw", Capacity: uint64(size)}
	return step.Uninterrupted(ctx, func(ctx context.Context) error {
		u.created = true
		volume, err := u.store.host.CreateVolume(ctx, u.store.poolName, spec)
		u.path = volume.Path
		return err
	})
}

// settleTime is how long the host may take to recognise what was sent. The host does so when it
// refreshes the pool, and it puts that off while it copies volumes.
const settleTime = time.Minute

// recognised waits until the host detects what the volume holds. It checks that this is what was
// sent, and that it stands only on what it should: after a source's file was looked at and before
// it is sent, the file may have been changed.
func (u *upload) recognised(ctx context.Context) (host.Volume, error) {
	for deadline := time.Now().Add(settleTime); ; {
		if err := u.store.host.RefreshPool(ctx, u.store.poolName); err != nil {
			return host.Volume{}, err
		}
		volume, err := u.store.host.Volume(ctx, u.store.poolName, u.base.Volume)
		if errors.Is(err, host.ErrNoVolume) {
			return volume, u.taken(u.base.Digest) // another process took this one for dead
		}
		if err == nil && volume.Format == u.base.Format && volume.Capacity == uint64(u.base.VirtualSize) {
			err = u.stands(ctx, volume)
			return volume, err
		}
		if err != nil {
			return volume, err
		}
		if volume.Format == u.base.Format || time.Now().After(deadline) {
			return volume, fmt.Errorf("storing the image in volume %q of pool %q: the host finds a %s disk of %d "+
				"bytes there, where a %s disk of %d bytes was sent: see whether the pool ran full; nothing "+
				"was registered", u.base.Volume, u.store.poolName,
				volume.Format, volume.Capacity, u.base.Format, u.base.VirtualSize)
		}
		select {
		case <-ctx.Done():
			return volume, ctx.Err()
		case <-time.After(baseWatch):
		}
	}
}

// tight is the amount of free room, in bytes, at which it becomes doubtful whether a pool has kept
// what was sent last.
const tight = 16 << 20

// kept makes sure that the pool has kept all of the image: a pool that runs full may report success
// although it has not. If the pool has room left and the volume takes up no less than was sent,
// that is certain. Otherwise, also if the pool compresses, and if full is set, it reads the image
// back.
func (u *upload) kept(ctx context.Context, transfer host.Transfer, volume host.Volume, sent int64, full bool) error {
	pool, err := u.store.host.Pool(ctx, u.store.poolName)
	if err != nil || !full && pool.Available > tight && volume.Allocation >= uint64(sent) {
		return err
	}
	want, from := content(u.base)
	form, err := digest.FormOf(want)
	if err != nil {
		return err
	}
	stored, err := volumes.Digest(ctx, transfer, u.store.poolName, u.base.Volume, from, form, nil)
	if err != nil {
		return err
	}
	if stored != want {
		return fmt.Errorf("storing the image in volume %q of pool %q: its digest there is %s, not %s as it was sent: "+
			"the pool, which has %d MiB left, ran full or does not keep what is written to it; nothing was registered",
			u.base.Volume, u.store.poolName, stored, want, pool.Available>>20)
	}
	return nil
}

// publish marks the base as ready.
func (u *upload) publish(ctx context.Context) error {
	ready := u.base
	ready.State = catalog.BaseReady
	ready.Guard()
	if u.stays {
		ready.Copy = nil
	}
	if _, err := u.store.bases.Replace(ctx, u.claimed.Key, u.claimed.Revision, ready); err != nil {
		if errors.Is(err, catalog.ErrConflict) || errors.Is(err, catalog.ErrNotFound) {
			u.claimed = nil // another process took this one for dead and sends the image itself
			return u.taken(ready.Digest)
		}
		u.unsure = true
		return err
	}
	u.base = ready
	return nil
}

func (u *upload) undo(ctx context.Context) error {
	if u.unsure {
		// Others may use an image that is complete. Without a version it is removed like any unused
		// one.
		switch rec, err := u.store.bases.Get(ctx, u.claimed.Key); {
		case err == nil && rec.Value.State == catalog.BaseReady && rec.Value.Volume == u.base.Volume:
			return nil
		case err != nil && !errors.Is(err, catalog.ErrNotFound):
			return err
		}
	}
	var errs []error
	if u.created {
		errs = append(errs, u.store.pool.DeleteVolume(ctx, u.base.Volume),
			u.store.pool.DeleteVolume(ctx, naming.BlockMap(u.base.Volume)))
	}
	if u.adopted {
		errs = append(errs, newRemover(u.store).disown(ctx, u.base.Parent, u.base.Volume))
	}
	return errors.Join(append(errs, u.withdraw(ctx, u.claimed), u.withdraw(ctx, u.reserved))...)
}
