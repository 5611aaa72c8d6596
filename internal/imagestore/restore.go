package imagestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
	"github.com/novacron/terraform-provider-novacron/internal/image/probe"
	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2"
	"github.com/novacron/terraform-provider-novacron/internal/image/qcow2/overlay"
	"github.com/novacron/terraform-provider-novacron/internal/imagestore/volumes"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// Restore makes sure that the version's image is stored, with everything that it stands on, and
// that the version is listed among its users. It returns ErrNoImage if no place has the image.
func (st *Store) Restore(
	ctx context.Context, v catalog.Version, stem string, images func(digest string) (Stored, bool),
) (err error) {
	return restoration{st, v, true, nil}.restore(ctx, stem, images)
}

// restoration is a version whose image is being restored.
type restoration struct {
	*Store
	version catalog.Version
	stays   bool          // as an image that was registered here
	copied  *catalog.Copy // from the pool of another host; nil for an image that has its origin here
}

// join is joiner.join for the version.
func (r restoration) join(ctx context.Context, digest string) (catalog.Base, error) {
	return joiner{Store: r.Store, copied: r.copied}.join(ctx, digest, r.version.ID)
}

func (r restoration) restore(ctx context.Context, stem string, images func(digest string) (Stored, bool)) (err error) {
	var missing []Stored // the one that all others stand on first
	var under catalog.Base
	for digest := r.version.Digest; digest != ""; {
		under, err = r.join(ctx, digest)
		if err == nil {
			break
		}
		if !errors.Is(err, catalog.ErrNotFound) {
			return err
		}
		stored, there := images(digest)
		if !there {
			return fmt.Errorf("version %q: %w", r.version.ID, ErrNoImage)
		}
		if missing = append(missing, stored); len(missing) > maxChain {
			return fmt.Errorf("version %q: its image stands on more than %d others", r.version.ID, maxChain)
		}
		digest = stored.Base.Parent
	}
	err = nil // missing lists it
	held := []string{under.Digest}
	for n := len(missing) - 1; err == nil && n >= 0; n-- {
		// Each volume has a name of its own, and no attempt uses the name of another.
		var base catalog.Base
		if base, err = r.restoreOne(ctx, fmt.Sprintf("%s.%d", stem, n), missing[n], under); err == nil {
			under, held = base, append(held, base.Digest)
		}
	}
	// The version needs the topmost one, which needs the others.
	if err == nil {
		held = held[:len(held)-1]
	}
	undo, cancel := step.UndoContext(ctx)
	defer cancel()
	for _, digest := range held {
		if digest != "" && digest != r.version.Digest {
			err = errors.Join(err, r.Release(undo, digest, r.version.ID))
		}
	}
	return err
}

// restoreOne stores an image, on top of the one under it, unless another process does so meanwhile.
func (r restoration) restoreOne(ctx context.Context, stem string, s Stored, under catalog.Base) (catalog.Base, error) {
	for attempt := 1; ; attempt++ {
		base, err := r.sendStored(ctx, naming.Base(stem, attempt, s.Base.Format), s, under)
		if taken := (*takenError)(nil); !isTaken(err, &taken) {
			return base, err
		}
		base, err = r.join(ctx, s.Base.Digest)
		if !errors.Is(err, catalog.ErrNotFound) {
			return base, err
		}
	}
}

// sendStored sends an image from elsewhere as sendBase sends a new one. It checks the image all the
// same: a backup can come from anywhere, and a base must not lead out of the library.
func (r restoration) sendStored(
	ctx context.Context, volume string, s Stored, under catalog.Base,
) (_ catalog.Base, err error) {
	none := catalog.Base{}
	if _, err := r.pool.CheckRoom(ctx, s.Base.StoredSize); err != nil {
		return none, err
	}
	u := &upload{store: r.Store, version: r.version.ID, stays: r.stays, base: catalog.Base{
		State:       catalog.BaseUploading,
		Digest:      s.Base.Digest,
		Format:      s.Base.Format,
		VirtualSize: s.Base.VirtualSize,
		StoredSize:  s.Base.StoredSize,
		Sources:     s.Base.Sources,
		Roots:       s.Base.Roots,
		Stored:      s.Base.Stored,
		Volume:      volume,
		Versions:    []string{r.version.ID.String()},
		Copy:        r.copied,
	}}
	defer func() { err = u.rollBackOn(ctx, err) }()
	var on *below
	if s.Base.Parent != "" {
		on = &below{base: under}
	}
	u.standOn(on)
	if err := u.claim(ctx, s.Base.Digest); err != nil {
		return none, err
	}
	if err := u.adopt(ctx, on); err != nil {
		return none, err
	}
	stored, err := s.Open() // only now: another process may have claimed it
	if err != nil {
		return none, err
	}
	defer func() { err = errors.Join(err, stored.Close()) }()
	header, stream, err := u.rebased(ctx, stored, on)
	if on == nil {
		stream, err = asDocumented(r.version.ID, s.Base, stored)
	}
	if err != nil {
		return none, err
	}
	if err := u.create(ctx, s.Base.StoredSize); err != nil {
		return none, err
	}
	conn, err := r.host.OpenTransfer(ctx)
	if err != nil {
		return none, err
	}
	defer conn.Close()
	sent, err := u.sendPieces(ctx, volumes.NewSink(conn, r.poolName, volume), stream)
	if err == nil && header != nil {
		err = volumes.NewSink(conn, r.poolName, volume).WriteAt(ctx, bytes.NewReader(header), 0, int64(len(header)))
	}
	if err != nil {
		return none, err
	}
	found, err := u.recognised(ctx)
	if err == nil && header != nil {
		err = qcow2.CheckWhole(ctx, image.Volume(r.poolName, volume),
			volumes.NewReaderAt(ctx, conn, r.poolName, volume), s.Base.StoredSize)
	}
	if err == nil {
		err = u.kept(ctx, conn, found, sent, false)
	}
	if err == nil && s.Blocks != nil {
		err = u.restoreBlocks(ctx, conn, s.Blocks)
	}
	if err == nil {
		err = u.publish(ctx)
	}
	return u.base, err
}

// asDocumented checks that an image matches what its base says. It returns a reader of the whole
// image.
func asDocumented(id catalog.VersionID, base catalog.Base, r io.Reader) (io.Reader, error) {
	format, virtual, stream, err := probe.Stream(fmt.Sprintf("the image of version %q", id), r, base.StoredSize)
	if err == nil && (string(format) != base.Format || virtual != base.VirtualSize) {
		err = fmt.Errorf("the image of version %q is a %s disk of %d bytes, and its document says a %s "+
			"disk of %d bytes", id, format, virtual,
			base.Format, base.VirtualSize)
	}
	return stream, err
}

// rebased strips the header from a stored image. It returns the header that the image has on top of
// the base under it, and the rest of the image.
func (u *upload) rebased(ctx context.Context, stored io.Reader, on *below) (header []byte, rest io.Reader, err error) {
	if on == nil {
		return nil, stored, nil
	}
	first := make([]byte, overlay.DataOffset)
	if _, err := io.ReadFull(stored, first); err != nil {
		return nil, nil, fmt.Errorf("reading the image of version %q: %w", u.version, err)
	}
	volume, err := u.store.Volume(ctx, on.base)
	if err != nil {
		return nil, nil, err
	}
	if header, err = overlay.Rebase(first, volume.Path, on.base.Format); err != nil {
		err = fmt.Errorf("reading the image of version %q: %w", u.version, err)
	}
	return header, stored, err
}

func (u *upload) restoreBlocks(ctx context.Context, transfer host.Transfer, open func() (io.ReadCloser, error)) error {
	r, err := open()
	if err != nil {
		return err
	}
	m, err := blockmap.Read(r)
	if err = errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("reading the map of the image of version %q: %w", u.version, err)
	}
	return u.store.pool.StoreBlocks(ctx, transfer, u.base.Volume, m)
}

// piece is how much of an image is sent at once, or skipped if it is all zeros.
const piece = 4 << 20 // bytes

// sendPieces sends the parts of a stored image that are not zeros, and checks the whole against its
// digest; from reads what that digest covers. It returns the number of bytes that it sent.
func (u *upload) sendPieces(ctx context.Context, to volumes.Sink, from io.Reader) (sent int64, err error) {
	buffer, zeros := make([]byte, piece), make([]byte, piece)
	want, offset := content(u.base)
	form, err := digest.FormOf(want)
	if err != nil {
		return 0, err
	}
	sum := form.New()
	for offset < u.base.StoredSize {
		part := buffer[:min(piece, u.base.StoredSize-offset)]
		if _, err := io.ReadFull(from, part); err != nil {
			return sent, fmt.Errorf("reading the image of version %q: %w", u.version, err)
		}
		_, _ = sum.Write(part)
		if !bytes.Equal(part, zeros[:len(part)]) {
			if err := to.WriteAt(ctx, bytes.NewReader(part), offset, int64(len(part))); err != nil {
				return sent, err
			}
			sent += int64(len(part))
		}
		offset += int64(len(part))
	}
	return sent, sameDigest(want, sum.Sum(), fmt.Sprintf("the image of version %q", u.version))
}
