package imagestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
	"github.com/novacron/terraform-provider-novacron/internal/source"
	"github.com/novacron/terraform-provider-novacron/internal/source/onhost"
	"github.com/novacron/terraform-provider-novacron/internal/step"
)

// A base image is stored once, in a volume with a name of its own. It counts only once its
// document, whose key is the digest, says that it is ready. The document is also the claim: the
// process that creates it sends the image, and all others wait. It lists the versions that use the
// base, and the volumes that stand on it; the last one to leave removes it.

const (
	// abandonedAfter is how long a base that another process sends or removes may show no progress
	// before that process counts as dead.
	abandonedAfter = 30 * time.Second
	// baseWatch is how often such a base is looked at.
	baseWatch = 250 * time.Millisecond
)

// takenError says that another process has, or sends, the image of that digest.
type takenError struct{ digest string }

func (e *takenError) Error() string { return "image " + e.digest + " is in the pool already" }

// Request asks for an image to be held for a version.
type Request struct {
	User       catalog.VersionID
	Source     source.Source
	Parent     *catalog.Version // whose image it is compared with; nil for none
	Stem       string           // how the names of the volumes begin that it is sent to
	VerifyFull bool             // also read an image back that is already stored
	Progress   func(done, total int64)
	Steps      *step.Timer
}

// holding is a request that is being answered.
type holding struct {
	*Store
	Request
}

// Hold makes sure that the source's image is stored, and that the version is listed among its
// users. It returns the number of bytes that it sent for that.
func (st *Store) Hold(ctx context.Context, r Request) (catalog.Base, int64, error) {
	r.Source = st.bound(r.Source)
	if r.Steps == nil {
		r.Steps = step.NewTimer()
	}
	h := holding{st, r}
	digest, known := source.KnownDigest(r.Source)
	for attempt := 1; ; attempt++ {
		base, err := h.joinStored(ctx, digest, known)
		if !errors.Is(err, catalog.ErrNotFound) {
			return base, 0, err
		}
		var sent int64
		if captured, is := r.Source.(onhost.Captured); is {
			base, err = h.captureBase(ctx, captured, attempt)
		} else {
			base, sent, err = h.sendBase(ctx, digest, attempt)
		}
		var taken *takenError
		if !errors.As(err, &taken) {
			return base, sent, err
		}
		digest, known = taken.digest, true
	}
}

// joinStored joins a base that is stored, or being stored, if its digest or the source's checksum
// leads to one.
func (h holding) joinStored(ctx context.Context, digest string, known bool) (catalog.Base, error) {
	if known {
		base, err := h.joinBase(ctx, digest, h.User)
		if !errors.Is(err, catalog.ErrNotFound) {
			return h.joined(ctx, base, err)
		}
	}
	digest, known, err := h.readBefore(ctx, h.Source)
	if err != nil {
		return catalog.Base{}, err
	}
	if !known {
		return catalog.Base{}, catalog.ErrNotFound
	}
	base, err := h.joinBase(ctx, digest, h.User)
	return h.joined(ctx, base, err)
}

// joined reads a base that was joined back, if that is wanted.
func (h holding) joined(ctx context.Context, base catalog.Base, err error) (catalog.Base, error) {
	if errors.Is(err, catalog.ErrNotFound) {
		return base, err
	}
	h.Steps.Done("join")
	if err != nil || !h.VerifyFull {
		return base, err
	}
	if err = h.Verify(ctx, base); err != nil {
		undo, cancel := step.UndoContext(ctx)
		defer cancel()
		err = errors.Join(err, h.LetGo(undo, base.Digest, h.User))
	}
	h.Steps.Done("verify")
	return base, err
}

// joinBase lists the version among the users of a base that is ready; it waits for one that is
// being sent or removed. It returns catalog.ErrNotFound if there is none, or if it had been
// abandoned.
func (st *Store) joinBase(ctx context.Context, digest string, id catalog.VersionID) (catalog.Base, error) {
	var seen host.Volume
	since := time.Now()
	for {
		rec, err := st.bases.Get(ctx, catalog.BaseKey(digest))
		if err != nil {
			return rec.Value, err
		}
		volume, err := st.host.Volume(ctx, st.pool, rec.Value.Volume)
		missing := errors.Is(err, host.ErrNoVolume)
		if err != nil && !missing {
			return rec.Value, err
		}
		if rec.Value.State == catalog.BaseReady && !missing {
			base := rec.Value
			if !slices.Contains(base.Versions, id.String()) {
				base.Versions = append(slices.Clone(base.Versions), id.String())
			}
			base.UnusedSince = nil
			_, err := st.bases.Replace(ctx, rec.Key, rec.Revision, base)
			if !errors.Is(err, catalog.ErrConflict) {
				return base, err
			}
			continue
		}
		if volume.Allocation != seen.Allocation || !volume.Modified.Equal(seen.Modified) {
			seen, since = volume, time.Now()
		}
		dead, err := st.uploaderDead(ctx, rec.Value)
		if err != nil {
			return rec.Value, err
		}
		if dead || time.Since(since) > st.abandonedAfter || missing && rec.Value.State == catalog.BaseReady {
			if err := st.dispose(ctx, rec); err != nil {
				return rec.Value, err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return rec.Value, fmt.Errorf("waiting for another process that is %s image %s: %w", rec.Value.State, digest, ctx.Err())
		case <-time.After(baseWatch):
		}
	}
}

// Release takes a version off the base's users; the last one removes the base.
func (st *Store) Release(ctx context.Context, digest string, id catalog.VersionID) error {
	return st.release(ctx, digest, func(b *catalog.Base) { b.Versions = without(b.Versions, id.String()) })
}

func without(list []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == one })
}

// release takes a user off a base by leave; the last one removes the base, unless volumes stand on
// it that belong to no version: see dispose.
func (st *Store) release(ctx context.Context, digest string, leave func(*catalog.Base)) error {
	rec, err := catalog.Change(ctx, st.bases, catalog.BaseKey(digest), func(b *catalog.Base) error {
		leave(b)
		if !b.Used() {
			b.State = catalog.BaseDeleting
		}
		return nil
	})
	if errors.Is(err, catalog.ErrNotFound) {
		return nil
	}
	if err != nil || rec.Value.State != catalog.BaseDeleting {
		return err
	}
	return st.dispose(ctx, rec)
}

// discard removes a base's volumes and then its document. Several processes may do so at once.
func (st *Store) discard(ctx context.Context, rec catalog.Record[catalog.Base]) error {
	for _, volume := range []string{rec.Value.Volume, naming.BlockMap(rec.Value.Volume)} {
		if err := st.DeleteVolume(ctx, volume); err != nil {
			return err
		}
	}
	if err := st.disown(ctx, rec.Value.Parent, rec.Value.Volume); err != nil {
		return err
	}
	for {
		err := st.bases.Delete(ctx, rec.Key, rec.Revision)
		if !errors.Is(err, catalog.ErrConflict) {
			return catalog.IgnoreNotFound(err)
		}
		found, err := st.bases.Get(ctx, rec.Key)
		if err != nil || found.Value.Volume != rec.Value.Volume { // this is a new one
			return catalog.IgnoreNotFound(err)
		}
		rec = found
	}
}
