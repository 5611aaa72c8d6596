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
	sources []string            // checksums of files that the image has been read from; see catalog.Base
	roots   []catalog.RootImage // that it was found to be
}

func (e *takenError) Error() string { return "image " + e.digest + " is in the pool already" }

// Request asks for an image to be held for a version.
type Request struct {
	Version    catalog.VersionID // that will hold the image
	Form       catalog.Form      // of the image
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

// Held is an image that is stored for a version.
type Held struct {
	Base        catalog.Base
	Transferred int64              // bytes that were sent for it
	Root        *catalog.RootImage // what it is the root file system of; nil for the disk of a machine
}

// Hold makes sure that the source's image is stored, and that the version is listed among its
// users.
func (st *Store) Hold(ctx context.Context, r Request) (held Held, err error) {
	if r.Source, err = st.For(ctx, r.Form, r.Source); err != nil {
		return held, err
	}
	if r.Steps == nil {
		r.Steps = step.NewTimer()
	}
	h := holding{st, r}
	var taken *takenError
	for attempt := 1; ; attempt++ {
		held, err := h.joinStored(ctx, taken)
		if !errors.Is(err, catalog.ErrNotFound) {
			return held, err
		}
		held, err = h.store(ctx, attempt)
		if !isTaken(err, &taken) {
			return held, err
		}
	}
}

// store stores the image in a new base. It returns takenError if another process does so.
func (h holding) store(ctx context.Context, attempt int) (held Held, err error) {
	switch from := h.Source.(type) {
	case source.RootSource:
		return rooting{h, from}.store(ctx, attempt)
	case onhost.Captured:
		held.Base, err = h.captureBase(ctx, from, attempt)
		return held, err
	}
	im, err := h.Source.Open(ctx)
	if err != nil {
		return held, err
	}
	defer func() { err = errors.Join(err, im.Close()) }()
	held.Base, held.Transferred, err = h.sendBase(ctx, im, attempt, nil)
	return held, err
}

// isTaken reports whether an attempt ended because of another process, and left nothing behind.
func isTaken(err error, taken **takenError) bool {
	_, left := errors.AsType[*LeftoverError](err)
	return !left && errors.As(err, taken)
}

// joinStored joins a base that is stored, or being stored, if an earlier attempt found one, or the
// source's checksum leads to one.
func (h holding) joinStored(ctx context.Context, taken *takenError) (Held, error) {
	checksum := h.Source.Expected()
	base, err := catalog.Base{}, catalog.ErrNotFound
	var root *catalog.RootImage
	if taken != nil {
		if h.Form == catalog.FormRoot && len(taken.roots) == 1 {
			root = &taken.roots[0]
		}
		base, err = joiner{Store: h.Store, sources: taken.sources, root: root}.join(ctx, taken.digest, h.Version)
	}
	// An earlier provider has stored the image, or another process has reserved it.
	if errors.Is(err, catalog.ErrNotFound) && checksum.Algorithm() == string(digest.SHA256) &&
		h.Form == catalog.FormDisk {
		base, err = joiner{Store: h.Store}.join(ctx, checksum.String(), h.Version)
	}
	if errors.Is(err, catalog.ErrNotFound) {
		var found string
		if found, err = h.readBefore(ctx, checksum); err == nil {
			base, err = joiner{Store: h.Store}.join(ctx, found, h.Version)
		}
	}
	if root == nil && h.Form == catalog.FormRoot && len(base.Roots) == 1 {
		root = &base.Roots[0]
	}
	return h.joined(ctx, Held{Base: base, Root: root}, err)
}

// joined reads a base that was joined back, if that is wanted.
func (h holding) joined(ctx context.Context, held Held, err error) (Held, error) {
	if errors.Is(err, catalog.ErrNotFound) {
		return held, err
	}
	h.Steps.Done("join")
	if err != nil || !h.VerifyFull {
		return held, err
	}
	if err = h.Verify(ctx, held.Base); err != nil {
		undo, cancel := step.UndoContext(ctx)
		defer cancel()
		err = errors.Join(err, h.ReleaseUnregistered(undo, held.Base.Digest, h.Version))
	}
	h.Steps.Done("verify")
	return held, err
}

// joiner lists versions among the users of bases that are stored.
type joiner struct {
	*Store
	sources []string           // to add to the base's own
	root    *catalog.RootImage // to add to the base's own; nil for none
	copied  *catalog.Copy      // if the version joins a copy, as one; nil if the image has its origin here from now on
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
			if j.root != nil && rootOf(base, j.root.Identity, j.root.Manifest) == nil {
				base.Roots = withRoot(base.Roots, *j.root)
			}
			base.Guard()
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
