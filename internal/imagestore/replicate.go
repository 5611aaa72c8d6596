package imagestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/image/blockmap"
	"github.com/novacron/terraform-provider-novacron/internal/lease"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// An image is registered on one host, and copied to the pool of another one when an instance there
// first needs it. The document of the copy claims it, as that of any image does: the process that
// creates it copies, and all others wait. The bytes go through this process. The document says that
// the image is a copy, so that it may go before its version does: see collect.go.

const (
	// copiesFor is how long a copy has to be unused before it is collected.
	copiesFor = 30 * 24 * time.Hour
	// useNoted is how old the note of a copy's last use may be, so that most creates write none.
	useNoted = 24 * time.Hour
)

// SourceError says that an image could not be read where it was to be copied from. Another host may
// have it as well.
type SourceError struct {
	Site string // see Store.Site
	Err  error
}

func (e *SourceError) Error() string {
	return fmt.Sprintf("copying the image from %s: %s", e.Site, e.Err)
}

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }

// Has reports whether the pool has the version's image, complete, and lists the version among its
// users.
func (st *Store) Has(ctx context.Context, v catalog.Version) (catalog.Base, bool, error) {
	base, err := st.Base(ctx, v.Digest)
	if err != nil {
		return base, false, catalog.IgnoreNotFound(err)
	}
	has, err := st.lists(ctx, base, v.ID)
	return base, has, err
}

// lists reports whether an image lists a version of the catalog among its users. A shared version, of
// another tenant, is listed with the catalog's id where the documents write it: see package sharing.
func (st *Store) lists(ctx context.Context, base catalog.Base, id catalog.VersionID) (bool, error) {
	if slices.Contains(base.Versions, id.String()) {
		return true, nil
	}
	if id.Template.Tenant == st.tenant {
		return false, nil
	}
	own, err := st.idHere(ctx)
	return own != "" && slices.Contains(base.Versions, own+":"+id.String()), err
}

// idHere is the catalog's id by which documents of the pool tell it from the pool's own catalog; "" for that one.
func (st *Store) idHere(ctx context.Context) (string, error) {
	c, is := st.catalog.(Catalog)
	if _, elsewhere := st.catalog.(remote); !is || !elsewhere && inPool(c) {
		return "", nil
	}
	return c.ID(ctx)
}

// Keeps reports whether the pool has the image of a digest, complete. It does not create the pool.
func (st *Store) Keeps(ctx context.Context, digest string) (catalog.Base, bool, error) {
	there, err := st.there(ctx)
	if err != nil || !there {
		return catalog.Base{}, false, err
	}
	rec, err := st.bases.Get(ctx, catalog.BaseKey(digest))
	return rec.Value, err == nil && rec.Value.State == catalog.BaseReady, catalog.IgnoreNotFound(err)
}

// Replicate makes sure that the pool has the version's image, with everything that it stands on, and
// that the version is listed among its users. It copies what the pool lacks from another pool, and
// verifies it by its digest. It returns a *SourceError if the other pool does not have the image or
// could not be read; then nothing is left in this one. If the image is to stay, it counts as one that
// was registered here once it is complete.
func (st *Store) Replicate(ctx context.Context, v catalog.Version, from *Store, stays bool) error {
	if err := st.pool.Open(ctx); err != nil {
		return err
	}
	now, err := st.poolTime(ctx)
	if err != nil {
		return err
	}
	work, o := lease.New(ctx, now), &origin{ctx: ctx, store: from}
	r := restoration{st, v, stays, &catalog.Copy{
		Runner: work.Holder, Since: work.Since, Deadline: work.Deadline, UsedAt: now,
	}}
	err = r.restore(ctx, naming.NewBaseStem(), o.image)
	if err == nil {
		return nil
	}
	if _, damaged := errors.AsType[*contentError](err); damaged && o.err == nil {
		o.err = err
	}
	if o.err == nil && errors.Is(err, ErrNoImage) {
		o.err = err
	}
	if _, left := errors.AsType[*LeftoverError](err); o.err == nil || left || ctx.Err() != nil {
		return err
	}
	return &SourceError{Site: from.Site(), Err: o.err}
}

// origin is the pool that images are copied from. It keeps the first error that it met.
type origin struct {
	ctx   context.Context //nolint:containedctx // Restore asks for images without one
	store *Store
	err   error
}

// image finds an image by its digest; see Restore.
func (o *origin) image(digest string) (Stored, bool) {
	base, kept, err := o.store.Keeps(o.ctx, digest)
	if err != nil || !kept {
		_ = o.failed(err)
		return Stored{}, false
	}
	s := Stored{Base: base, Open: func() (io.ReadCloser, error) {
		r, err := o.store.host.OpenVolume(o.ctx, o.store.poolName, base.Volume)
		if err != nil {
			return nil, o.failed(err)
		}
		return &watched{r, base.StoredSize, o.failed}, nil
	}}
	if base.Parent == "" { // it can be read again
		return s, true
	}
	// Without its map, nothing can be compared with the copy; instances do not need it.
	if blocks, err := o.store.Blocks(o.ctx, base); err == nil {
		s.Blocks = func() (io.ReadCloser, error) { return written(blocks), nil }
	}
	return s, true
}

// failed keeps an error, unless there was one before or it is nil, and returns it.
func (o *origin) failed(err error) error {
	if o.err == nil {
		o.err = err
	}
	return err
}

// watched is a reader whose errors are kept. It is one if the file ends before the image.
type watched struct {
	io.ReadCloser
	left   int64 // bytes
	failed func(error) error
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	w.left -= int64(n)
	if err == io.EOF {
		if w.left <= 0 {
			return n, err
		}
		err = io.ErrUnexpectedEOF
	}
	return n, w.failed(err)
}

// written reads a map as it is stored.
func written(blocks *blockmap.Map) io.ReadCloser {
	r, w := io.Pipe()
	go func() {
		_, err := blocks.WriteTo(w)
		_ = w.CloseWithError(err)
	}()
	return r
}

// NoteUse notes that a copy is used, at most once a day.
func (st *Store) NoteUse(ctx context.Context, base catalog.Base) error {
	if base.Copy == nil {
		return nil
	}
	now, err := st.poolTime(ctx)
	if err != nil || now.Sub(base.Copy.UsedAt) < useNoted {
		return err
	}
	_, err = catalog.Change(ctx, st.bases, catalog.BaseKey(base.Digest), func(found *catalog.Base) error {
		if found.State != catalog.BaseReady || found.Volume != base.Volume || found.Copy == nil {
			return catalog.ErrNotFound // what is created checks whether its image still stands
		}
		used := *found.Copy
		used.UsedAt = now
		found.Copy = &used
		return nil
	})
	return catalog.IgnoreNotFound(err)
}

// ReleaseCopy is Release if the pool's image lists the version, and does nothing otherwise. It does
// not create the pool.
func (st *Store) ReleaseCopy(ctx context.Context, v catalog.Version) error {
	there, err := st.there(ctx)
	if err != nil || !there {
		return err
	}
	if err := st.Warm().Release(ctx, v.ID); err != nil {
		return err
	}
	rec, err := st.bases.Get(ctx, catalog.BaseKey(v.Digest))
	if err != nil || !slices.Contains(rec.Value.Versions, v.ID.String()) {
		return catalog.IgnoreNotFound(err)
	}
	return st.Release(ctx, v.Digest, v.ID)
}
