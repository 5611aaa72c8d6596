package imagestore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/host"
	"github.com/novacron/terraform-provider-novacron/internal/image/digest"
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
	// before that process counts as dead, if nothing else is known of it.
	abandonedAfter = 30 * time.Second
	// baseWatch is how often such a base is looked at.
	baseWatch = 250 * time.Millisecond
)

// takenError says that another process has, or sends, the image of that digest.
type takenError struct {
	digest  string
	sources []string // checksums of files that the image has been read from; see catalog.Base
}

func (e *takenError) Error() string { return "image " + e.digest + " is in the pool already" }

// Request asks for an image to be held for a version.
type Request struct {
	Version    catalog.VersionID // that will hold the image
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
	r.Source = newBinder(st).bind(r.Source)
	if r.Steps == nil {
		r.Steps = step.NewTimer()
	}
	h := holding{st, r}
	var taken *takenError
	for attempt := 1; ; attempt++ {
		base, err := h.joinStored(ctx, taken)
		if !errors.Is(err, catalog.ErrNotFound) {
			return base, 0, err
		}
		var sent int64
		if captured, is := r.Source.(onhost.Captured); is {
			base, err = h.captureBase(ctx, captured, attempt)
		} else {
			base, sent, err = h.sendBase(ctx, attempt)
		}
		if !isTaken(err, &taken) {
			return base, sent, err
		}
	}
}

// isTaken reports whether an attempt ended because of another process, and left nothing behind.
func isTaken(err error, taken **takenError) bool {
	_, left := errors.AsType[*LeftoverError](err)
	return !left && errors.As(err, taken)
}

// joinStored joins a base that is stored, or being stored, if an earlier attempt found one, or the
// source's checksum leads to one.
func (h holding) joinStored(ctx context.Context, taken *takenError) (catalog.Base, error) {
	checksum := h.Source.Expected()
	base, err := catalog.Base{}, catalog.ErrNotFound
	if taken != nil {
		base, err = joiner{Store: h.Store, sources: taken.sources}.join(ctx, taken.digest, h.Version)
	}
	// An earlier provider has stored the image, or another process has reserved it.
	if errors.Is(err, catalog.ErrNotFound) && checksum.Algorithm() == string(digest.SHA256) {
		base, err = joiner{Store: h.Store}.join(ctx, checksum.String(), h.Version)
	}
	if errors.Is(err, catalog.ErrNotFound) {
		var found string
		if found, err = h.readBefore(ctx, checksum); err == nil {
			base, err = joiner{Store: h.Store}.join(ctx, found, h.Version)
		}
	}
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
		err = errors.Join(err, h.ReleaseUnregistered(undo, base.Digest, h.Version))
	}
	h.Steps.Done("verify")
	return base, err
}

// joiner lists versions among the users of bases that are stored.
type joiner struct {
	*Store
	sources []string      // to add to the base's own
	copied  *catalog.Copy // if the version joins a copy, as one; nil if the image has its origin here from now on
}

// join lists the version among the users of a base that is ready; it waits for one that is
// being sent or removed. It returns catalog.ErrNotFound if there is none, or if it had been
// abandoned.
func (j joiner) join(ctx context.Context, digest string, id catalog.VersionID) (catalog.Base, error) {
	var seen host.Volume
	since := time.Now()
	for {
		rec, err := j.bases.Get(ctx, catalog.BaseKey(digest))
		if err != nil {
			return rec.Value, err
		}
		volume, err := j.host.Volume(ctx, j.poolName, rec.Value.Volume)
		missing := errors.Is(err, host.ErrNoVolume)
		if err != nil && !missing {
			return rec.Value, err
		}
		if rec.Value.State == catalog.BaseReady && !missing {
			base := rec.Value
			listed, err := j.lists(ctx, base, id)
			if err != nil {
				return base, err
			}
			if !listed {
				base.Versions = append(slices.Clone(base.Versions), id.String())
			}
			for _, checksum := range j.sources {
				if checksum != base.Digest && !slices.Contains(base.Sources, checksum) {
					base.Sources = append(slices.Clone(base.Sources), checksum)
				}
			}
			base.UnusedSince = nil
			if base.Copy != nil && j.copied != nil {
				used := *base.Copy
				used.UsedAt = j.copied.UsedAt
				base.Copy = &used
			} else {
				base.Copy = nil
			}
			_, err = j.bases.Replace(ctx, rec.Key, rec.Revision, base)
			if !errors.Is(err, catalog.ErrConflict) {
				return base, err
			}
			continue
		}
		if volume.Allocation != seen.Allocation || !volume.Modified.Equal(seen.Modified) {
			seen, since = volume, time.Now()
		}
		worker, err := j.worker(ctx, rec.Value, id)
		if err != nil {
			return rec.Value, err
		}
		if worker == dead || worker == unknown && time.Since(since) > j.abandonedAfter ||
			missing && rec.Value.State == catalog.BaseReady {
			if err := newRemover(j.Store).takeAway(ctx, rec); err != nil {
				return rec.Value, err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return rec.Value, fmt.Errorf("waiting for another process that is %s image %s: %w",
				rec.Value.State, digest, ctx.Err())
		case <-time.After(baseWatch):
		}
	}
}

// life is what is known of a process.
type life int

const (
	unknown life = iota
	alive
	dead
)

// worker is what is known of the process that sends a base: it lives as long as the lease of the
// registration that the base is for, or that a copy has. An image of which little is data is hashed
// for minutes in which its volume does not change, so the lease counts more than that. Nothing is
// known of a process that removes a base, of registrations in another catalog, and of those that
// only their tenant sees: their names are not ids. If rules for polkit hide other tenants'
// documents, those only seem to be absent. The lease of the version that waits says nothing either:
// it does not send the base, but an earlier attempt may have left it.
func (j joiner) worker(ctx context.Context, base catalog.Base, waits catalog.VersionID) (life, error) {
	if base.State != catalog.BaseUploading {
		return unknown, nil
	}
	if base.Copy != nil {
		abandoned, err := base.Copy.Lease().Abandoned(ctx, j.poolTime)
		if err != nil || abandoned {
			return dead, err
		}
		return alive, nil
	}
	found := dead
	for _, id := range base.Versions {
		if _, err := catalog.ParseVersionID(id); err != nil || id == waits.String() {
			found = unknown // another catalog's, or its own
			continue
		}
		rec, err := j.catalog.Versions().Get(ctx, id)
		switch {
		case errors.Is(err, catalog.ErrNotFound):
			if !catalog.IsVersionOf(j.tenant, id) {
				found = unknown
			}
		case err != nil:
			return unknown, err
		default:
			switch j.registrant(ctx, rec.Value) {
			case alive:
				return alive, nil
			case unknown:
				found = unknown
			}
		}
	}
	return found, nil
}

// registrant is what is known of the process that registers a version. It is unknown if the version
// is registered, or if the catalog's clock cannot be read.
func (st *Store) registrant(ctx context.Context, v catalog.Version) life {
	if v.Claim == nil {
		return unknown
	}
	abandoned, err := v.Claim.Lease().Abandoned(ctx, st.catalog.Now)
	switch {
	case err != nil:
		return unknown
	case abandoned:
		return dead
	default:
		return alive
	}
}
