package imagestore

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/novacron/terraform-provider-novacron/internal/catalog"
	"github.com/novacron/terraform-provider-novacron/internal/naming"
)

// To look for unused images, a process reads a document for each image of the pool. In a pool with many
// images, one process an hour does so for a tenant: the one that notes it first. In a pool with few, each process
// does, which takes no longer than to read and write a note.

// manyImages is from how many images on a pool has notes of its rounds.
const manyImages = 64

// poolsOwn stands for the catalog of a pool in the keys of its rounds. Other catalogs have an id.
const poolsOwn = "pool"

// TakeRound reports whether this process is the one to look for unused images now. A process that cannot find
// that out looks: the pool may be so full that there is no room for the note.
func (st *Store) TakeRound(ctx context.Context) bool {
	if st.rounds == nil || st.tenant == "" || st.unusedFor < 0 {
		return true
	}
	names, err := st.host.VolumeNames(ctx, st.poolName)
	if err != nil || images(names) < manyImages {
		return true
	}
	taken, err := st.takeRound(ctx)
	return err != nil || taken
}

// images is how many images there are among volumes.
func images(names []string) (n int) {
	for _, name := range names {
		if naming.IsBase(name) && name == naming.BaseOf(name) {
			n++
		}
	}
	return n
}

// takeRound notes that this process looks for unused images, unless another one has done so a short while ago.
func (st *Store) takeRound(ctx context.Context) (bool, error) {
	id, err := st.idHere(ctx)
	if err != nil {
		return false, err
	}
	now, err := st.poolTime(ctx)
	if err != nil {
		return false, err
	}
	key, round := st.tenant+"/"+cmp.Or(id, poolsOwn), catalog.Round{At: now.Truncate(time.Second)}
	rec, err := st.rounds.Get(ctx, key)
	switch {
	case errors.Is(err, catalog.ErrNotFound):
		_, err = st.rounds.Create(ctx, key, round)
	case err != nil:
	case now.Sub(rec.Value.At).Abs() < st.unusedFor: // the last reading may have been later
		return false, nil
	default:
		_, err = st.rounds.Replace(ctx, key, rec.Revision, round)
	}
	others := []error{catalog.ErrExists, catalog.ErrConflict, catalog.ErrNotFound}
	if slices.ContainsFunc(others, func(other error) bool { return errors.Is(err, other) }) {
		return false, nil // another process was faster
	}
	return err == nil, err
}
