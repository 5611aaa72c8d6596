package library

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/hypervisor"
	"github.com/novacron/terraform-provider-novacron/internal/image"
)

// ReadImage writes a version's image as it is stored, and returns an error unless every byte is what its digest says.
func (l *Library) ReadImage(ctx context.Context, v catalog.Version, w io.Writer) error {
	base, err := l.Base(ctx, v.Digest)
	if err != nil {
		return fmt.Errorf("reading the image of version %q: %w", v.ID, err)
	}
	transfer, err := l.host.OpenTransfer(ctx)
	if err != nil {
		return err
	}
	defer transfer.Close()
	sum := sha256.New()
	if err := transfer.Download(ctx, l.pool, base.Volume, io.MultiWriter(w, sum), 0, 0); err != nil {
		return err
	}
	return sameDigest(v.Digest, sum.Sum(nil), fmt.Sprintf("the image of version %q in volume %q of pool %q", v.ID, base.Volume, l.pool))
}

func sameDigest(want string, sum []byte, what string) error {
	if got := "sha256:" + hex.EncodeToString(sum); got != want {
		return fmt.Errorf("%s is damaged: its digest is %s, and should be %s", what, got, want)
	}
	return nil
}

// RestoreVersion registers a version as it was elsewhere, in this catalogue: its document stays what it is. Its image is
// the pool's, or is sent from open where the pool does not have it. ErrNoImage when it does not, and open is nil, so that there
// is none; a finding when the version is there already.
func (l *Library) RestoreVersion(ctx context.Context, v catalog.Version, open func() (io.ReadCloser, error)) error {
	if err := l.open(ctx); err != nil {
		return err
	}
	claim, lost, err := l.claimVersion(ctx, Registration{ID: v.ID})
	if err == nil && lost.Key != "" {
		err = l.VersionExists(v.ID)
	}
	if err != nil {
		return err
	}
	defer l.plan.forget(v.ID.Template)
	v.Coming, v.DeletingSince, v.Maker = nil, nil, ""
	err = l.restoreBase(ctx, v, claim.Coming.Volume, open)
	if err == nil {
		if err = l.fulfil(ctx, claim, v); err == nil {
			return nil
		}
		undo, cancel := undoContext(ctx)
		defer cancel()
		err = errors.Join(err, l.letGo(undo, v.Digest, v.ID))
	}
	if _, left := errors.AsType[*leftError](err); left {
		return err
	}
	return errors.Join(err, l.withdraw(ctx, claim))
}

// restoreBase makes sure that the version's image is stored, and that it is listed among its users.
func (l *Library) restoreBase(ctx context.Context, v catalog.Version, volume string, open func() (io.ReadCloser, error)) error {
	for attempt := 1; ; attempt++ {
		_, err := l.joinBase(ctx, v.Digest, v.ID)
		if !errors.Is(err, catalog.ErrNotFound) {
			return err
		}
		if open == nil {
			return fmt.Errorf("version %q: %w", v.ID, ErrNoImage)
		}
		err = l.sendStored(ctx, v, volumeName(volume, attempt, v.Format), open)
		if taken := (*takenError)(nil); !errors.As(err, &taken) {
			return err
		}
	}
}

// sendStored sends the image that a version had elsewhere as sendBase does one that is new. What it is is looked at all
// the same: a backup can come from anywhere, and a base must not lead out of the library.
func (l *Library) sendStored(ctx context.Context, v catalog.Version, volume string, open func() (io.ReadCloser, error)) (err error) {
	if _, err := l.checkRoom(ctx, v.StoredSize); err != nil {
		return err
	}
	stored, err := open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stored.Close()) }()
	format, virtual, stream, err := image.Recognise(fmt.Sprintf("the image of version %q", v.ID), stored, v.StoredSize)
	if err != nil {
		return err
	}
	if string(format) != v.Format || virtual != v.VirtualSize {
		return fmt.Errorf("the image of version %q is a %s disk of %d bytes, and its document says a %s disk of %d bytes", v.ID, format, virtual,
			v.Format, v.VirtualSize)
	}
	u := &upload{library: l, version: v.ID, base: catalog.Base{
		State: catalog.BaseUploading, Format: v.Format, VirtualSize: v.VirtualSize, StoredSize: v.StoredSize, Volume: volume,
		Versions: []string{v.ID.String()},
	}}
	defer func() { err = u.settle(ctx, err) }()
	if err := u.claim(ctx, v.Digest); err != nil {
		return err
	}
	if err := u.create(ctx, v.StoredSize); err != nil {
		return err
	}
	transfer, err := l.host.OpenTransfer(ctx)
	if err != nil {
		return err
	}
	defer transfer.Close()
	sent, err := l.sendPieces(ctx, v, sink{transfer, l.pool, volume}, stream)
	if err != nil {
		return err
	}
	var found hypervisor.Volume
	if found, err = u.recognised(ctx); err == nil {
		err = u.kept(ctx, transfer, found, sent, false)
	}
	if err == nil {
		err = u.publish(ctx)
	}
	return err
}

// LeaveVersion takes a version out of this catalogue that another one has, too: its image stays for that one, and nothing is
// looked for that hangs on it. catalog.ErrConflict when the version has changed since it was read.
func (l *Library) LeaveVersion(ctx context.Context, rec catalog.Record[catalog.Version]) error {
	if err := l.open(ctx); err != nil {
		return err
	}
	l.plan.forget(rec.Value.ID.Template)
	base, err := l.Base(ctx, rec.Value.Digest)
	if err == nil && len(base.Versions) < 2 {
		err = fmt.Errorf("version %q is the last that uses its image: no other catalogue has it", rec.Value.ID)
	}
	if err == nil {
		err = l.releaseBase(ctx, rec.Value.Digest, rec.Value.ID)
	}
	if err != nil {
		return err
	}
	return gone(l.store.Versions().Delete(ctx, rec.Key, rec.Revision))
}

// piece is how much of an image is sent at once, or not at all where it is zeros.
const piece = 4 << 20 // bytes

// sendPieces sends what is not zeros of a version's image, and makes sure that the whole is what its digest says. It returns
// the bytes that it sent.
func (l *Library) sendPieces(ctx context.Context, v catalog.Version, to sink, from io.Reader) (sent int64, err error) {
	sum, buffer, zeros := sha256.New(), make([]byte, piece), make([]byte, piece)
	for offset := int64(0); offset < v.StoredSize; {
		part := buffer[:min(piece, v.StoredSize-offset)]
		if _, err := io.ReadFull(from, part); err != nil {
			return sent, fmt.Errorf("reading the image of version %q: %w", v.ID, err)
		}
		sum.Write(part)
		if !bytes.Equal(part, zeros[:len(part)]) {
			if err := to.WriteAt(ctx, bytes.NewReader(part), offset, int64(len(part))); err != nil {
				return sent, err
			}
			sent += int64(len(part))
		}
		offset += int64(len(part))
	}
	return sent, sameDigest(v.Digest, sum.Sum(nil), fmt.Sprintf("the image of version %q", v.ID))
}
